// The named pipe of the agent, which takes the place of a socket on Windows.

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"github.com/oidc-client/oidc-client/internal/place"
)

// Listen listens on a named pipe that only processes of the same user can open; other machines
// never can. The error is [ErrRunning] if there is an agent already.
func Listen(ctx context.Context, pipe string) (*Listener, error) {
	if err := place.CheckAgent(pipe); err != nil {
		return nil, err
	}
	user, err := currentUser()
	if err != nil {
		return nil, err
	}
	if err := place.Trusted(pipe); !errors.Is(err, fs.ErrNotExist) {
		return nil, inTheWay(ctx, pipe)
	}
	l, err := winio.ListenPipe(pipe, &winio.PipeConfig{SecurityDescriptor: onlyFor(user)})
	if err != nil {
		return nil, err // of two that start at once one gets the name
	}
	return &Listener{Listener: l, path: pipe}, nil
}

// inTheWay says what the pipe is that is there already.
func inTheWay(ctx context.Context, pipe string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := Dial(ctx, pipe)
	if err != nil {
		return err
	}
	return errors.Join(ErrRunning, conn.Close())
}

// onlyFor is the security descriptor of an object that belongs to a user and that nobody else may
// use. The owner is named: what an elevated process creates otherwise belongs to all administrators.
func onlyFor(user *windows.SID) string {
	return fmt.Sprintf("O:%[1]sG:%[1]sD:P(A;;GA;;;%[1]s)", user)
}

// Dial opens the named pipe of an agent, unless it belongs to another user: any process can make
// a pipe of this name while there is no agent.
func Dial(ctx context.Context, pipe string) (net.Conn, error) {
	user, err := currentUser()
	if err != nil {
		return nil, err
	}
	conn, err := winio.DialPipeContext(ctx, pipe)
	if err != nil {
		return nil, err
	}
	if err := ownedBy(conn, user); err != nil {
		return nil, errors.Join(fmt.Errorf("%s %w", pipe, err), conn.Close())
	}
	return conn, nil
}

// ownedBy returns an error unless the pipe that conn is an end of belongs to user.
func ownedBy(conn net.Conn, user *windows.SID) error {
	file, ok := conn.(interface{ Fd() uintptr })
	if !ok {
		return errors.New("does not tell whose it is")
	}
	sd, err := windows.GetSecurityInfo(windows.Handle(file.Fd()), windows.SE_KERNEL_OBJECT,
		windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("does not tell whose it is: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil || !owner.Equals(user) {
		return errors.New("is not yours")
	}
	return nil
}

// currentUser is the user of this process.
func currentUser() (*windows.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	return user.User.Sid, nil
}
