// Package renewal renews sessions, once for however many ask, and loses no token.
//
// A [Renewal] trades a session's refresh token (RFC 6749 section 6): it notes that the
// token is about to be spent, sends it, makes the answer durable, and only then looks at
// what came. Whatever ends it on the way, what is stored says one of three things: the
// token was not sent, here is the new one, or it may be spent.
package renewal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// A Renewal gets a token of a session, and renews the session if it has none.
type Renewal struct {
	Store session.Store
	Name  string
	Need  session.Need
	Now   func() time.Time

	// Connect makes the client of a session and finds its provider. Nothing is sent that is
	// the session's.
	Connect func(context.Context, *session.Session) (*oidc.Client, error)

	// Hold is called before the refresh token leaves, and what it returns once the answer
	// is stored: in between nothing may end the process. nil does nothing.
	Hold func() (release func())

	// Received is called with the answer, once it is stored. nil does nothing.
	Received func(*oidc.Tokens)

	// Rescue keeps new tokens that the store cannot, at once: nobody else has them. It returns the
	// error that says where they are, and what undoes it once the store has them after all. nil
	// leaves that to who gets the [LostError].
	Rescue func(s *session.Session, cause error) (undo func(), lost error)

	// Redact takes secrets out of an error of which the session keeps the text: what is in it
	// may be the provider's. nil changes nothing.
	Redact func(string) string

	// Waiting is called once if another process is renewing the session. nil does nothing.
	Waiting func()

	// Elapsed returns what tells how much time has passed since, also while the machine slept. nil
	// asks the system.
	Elapsed func() (since func() time.Duration)
}

// An Outcome is what a renewal came to.
type Outcome struct {
	Session   *session.Session
	Token     string // the token that is needed, "" if there is none
	TokenType string // of an access token
	Expires   time.Time
	Tokens    *oidc.Tokens // the answer of the token endpoint, nil if it was not asked
	Behind    error        // why the token, which is about to end, could not be renewed; nil if that was not tried

	// Unstored is why the store has not all that came, nil if it has. It has the refresh token.
	Unstored error
}

// Still returns the token of a session that could not be renewed because the provider cannot
// be asked, or because its refresh token may be spent: as long as it has not ended it is better
// than none.
func Still(s *session.Session, need session.Need, why error, now time.Time) (*Outcome, bool) {
	var login *LoginError
	spent := errors.As(why, &login) && login.State == session.Spent
	unreachable := errors.As(why, new(*oidc.TransportError)) || errors.As(why, new(*ElsewhereError))
	if !spent && !unreachable || need.For > 0 || errors.Is(why, context.Canceled) {
		return nil, false
	}
	const last = 2 * time.Second // to be of any use
	need.For = last
	out, ok := Take(s, need, now)
	out.Behind = why
	return out, ok
}

// Take returns the token that is needed, if the session has it and it is fresh.
func Take(s *session.Session, need session.Need, now time.Time) (*Outcome, bool) {
	out := &Outcome{Session: s}
	ok := out.take(need, now)
	return out, ok
}

func (o *Outcome) take(need session.Need, now time.Time) bool {
	token, expires, ok := o.Session.Take(need, now)
	if ok {
		o.Token, o.Expires, o.TokenType = token, expires, o.Session.TokenType(need.Target)
	}
	return ok
}

// Run returns the token that is needed. One that is fresh is returned at once, without a
// lock. Otherwise one process of all renews the session, and the others take what it got.
// The Outcome is never nil; its Session is, if there is none of the name.
//
// The error is a [*LoginError] or a [*RefusedError] if only a person can help, a [*ShortError] if more is asked for
// than the provider gives, a [*check.Error] if what came
// did not verify, or any other of [oidc.Client.Token].
func (r *Renewal) Run(ctx context.Context) (*Outcome, error) {
	const most = 10 // each time another process was quicker, although this one had the lock
	for n := 1; ; n++ {
		out, err := r.once(ctx)
		if !errors.Is(err, session.ErrChanged) || out.Tokens != nil || ctx.Err() != nil {
			return out, err
		}
		if n == most {
			return out, &session.WaitError{Name: r.Name, Err: err}
		}
	}
}

// once does what Run does, but for [session.ErrChanged]: then nothing was sent.
func (r *Renewal) once(ctx context.Context) (*Outcome, error) {
	out := &Outcome{}
	if err := r.load(out); err != nil || out.Token != "" {
		return out, err
	}
	if err := ended(out.Session, r.Need); err != nil {
		return out, err
	}
	if err := r.tooLong(out.Session); err != nil {
		return out, err
	}
	before := out.Session
	unlock, err := r.lock(ctx, out)
	if unlock == nil {
		return out, err
	}
	defer unlock()
	if err := r.load(out); err != nil || out.Token != "" { // another may just have renewed it
		return out, err
	}
	if a := out.Session.Claim; a != nil && a.Why == "" && !a.Same(before.Claim) {
		return out, session.ErrChanged // another began meanwhile, and may not have ended where locks do nothing
	}
	if err := r.renewIfPossible(ctx, out, before.Failure); err != nil {
		if still, ok := Still(out.Session, r.Need, err, r.Now()); ok {
			return still, nil
		}
		return out, err
	}
	return out, nil
}

// renewIfPossible renews the session, which is locked, unless it is known that this is of no use.
// known is the failure that the session had before the wait for the lock.
func (r *Renewal) renewIfPossible(ctx context.Context, out *Outcome, known *session.Failure) error {
	if err := renewable(out.Session, r.Need, r.Need.Retry); err != nil {
		return err
	}
	if f := out.Session.Failure; f != nil && (known == nil || !f.At.Equal(known.At)) {
		return &ElsewhereError{r.Name, f.Why}
	}
	return r.renew(ctx, out)
}

// An ElsewhereError says that another process, which was waited for, could not renew the
// session.
type ElsewhereError struct{ Name, Why string }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("session %s: another process could not renew it: %s", e.Name, e.Why)
}

// A LostError says that new tokens could not be stored. The session has them, and nobody
// else, unless they were rescued: then Err says where they are.
type LostError struct {
	Session *session.Session
	Err     error
}

func (e *LostError) Error() string { return "the new tokens could not be stored: " + e.Err.Error() }

func (e *LostError) Unwrap() error { return e.Err }

// load reads the session, and the token if it is fresh.
func (r *Renewal) load(out *Outcome) error {
	s, err := r.Store.Load(r.Name)
	if err != nil {
		return err
	}
	out.Session = s
	out.take(r.Need, r.Now())
	return nil
}

// text is an error as the session keeps it.
func (r *Renewal) text(err error) string {
	if r.Redact == nil {
		return err.Error()
	}
	return r.Redact(err.Error())
}

// lock waits for whoever renews the session. It ends without a lock as soon as there is a
// fresh token: that was all that was waited for.
func (r *Renewal) lock(ctx context.Context, out *Outcome) (func(), error) {
	tell := sync.OnceFunc(func() {
		if r.Waiting != nil {
			r.Waiting()
		}
	})
	return session.Wait(ctx, r.Store, r.Name, func() bool {
		tell()
		return r.load(out) == nil && out.Token != ""
	})
}

// renew trades the refresh token. The session is locked, and was read since.
func (r *Renewal) renew(ctx context.Context, out *Outcome) error {
	s := out.Session
	if err := r.Store.Open(ctx, s); err != nil {
		return err
	}
	before := s.Copy()
	client, err := r.Connect(ctx, s)
	if err != nil {
		if r.note(ctx, s, err) {
			_ = session.Write(r.Store, s) // for those who wait for this process
		}
		return err
	}
	room, err := r.Store.Reserve(s.Name) // a disk that is full is found out before anything is sent
	if err != nil {
		return err
	}
	p := &passage{Renewal: r, session: s, room: room, answer: answer{undo: func() {}}}
	g := grant(s, r.Need.Target)
	g.Sending, g.Received = p.sending, p.received
	out.Tokens, err = client.Token(p.through(ctx), g)
	p.end()
	if err != nil {
		err = errors.Join(err, context.Cause(ctx)) // which may have come to nothing meanwhile
	}
	switch {
	case out.Tokens != nil:
		return r.settle(out, client, p, err)
	case p.late:
		return session.ErrChanged
	}
	return r.failed(ctx, out, before, p, err)
}

// settle stores what became of tokens that were received, and stored as they came.
func (r *Renewal) settle(out *Outcome, client *oidc.Client, p *passage, err error) error {
	s := out.Session
	if err == nil {
		err = otherUser(s, out.Tokens, client)
	}
	r.judge(s, out.Tokens, client, err)
	unstored := p.keep(nil)
	switch {
	case errors.Is(unstored, session.ErrChanged) && p.answer.lost == nil: // by a refresh since: what it stored is newer
	case unstored == nil:
		p.answer.undo()
	case errors.As(unstored, new(*session.PartError)):
		p.answer.undo()
		out.Unstored = unstored
	case p.answer.lost == nil: // the store has the tokens, as they came
		out.Unstored = unstored
	default:
		err = errors.Join(err, &LostError{s, p.answer.lost})
	}
	if err != nil {
		return err
	}
	need := r.Need
	need.Not = "" // some providers give the same token again, while it is good
	if !out.take(need, r.Now()) {
		return r.insufficient(s, need)
	}
	return nil
}

// judge notes in the session what became of tokens: err is why they must not be used, nil if they
// may.
func (r *Renewal) judge(s *session.Session, t *oidc.Tokens, client *oidc.Client, err error) {
	access := s.For(r.Need.Target)
	switch {
	case err != nil && access != nil:
		access.Withheld = r.text(err)
	case err != nil:
		s.Withheld = r.text(err)
	case access != nil:
		access.Withheld = ""
	default:
		Verified(s, t, client.Provider.Checks.Waived()...)
	}
	if err != nil {
		r.doubt(s, t, err)
	}
}

// insufficient says why what just came is not what is needed.
func (r *Renewal) insufficient(s *session.Session, need session.Need) error {
	if err := ended(s, need); err != nil {
		return err
	}
	if need.For == 0 {
		return &LoginError{Session: s, State: session.Expired, Why: "the provider's new token has ended already"}
	}
	return &ShortError{Session: s, Lifetime: s.Lifetime(need), Asked: need.For}
}

// tooLong says that a token is asked for that lasts longer than those of the provider do:
// while the one that is there is fresh, another would be no better.
func (r *Renewal) tooLong(s *session.Session) error {
	need := r.Need
	need.For = 0
	_, expires, fresh := s.Take(need, r.Now())
	if lifetime := s.Lifetime(need); fresh && !expires.IsZero() && lifetime <= r.Need.For {
		return &ShortError{Session: s, Lifetime: lifetime, Asked: r.Need.For}
	}
	return nil
}

// failed stores what is known after no tokens came. before is the session before the
// attempt.
func (r *Renewal) failed(ctx context.Context, out *Outcome, before *session.Session, p *passage, err error) error {
	s := out.Session
	var refusal *oidc.Error
	switch {
	case p.noted && MayBeSpent(err):
		s.Claim.Why = r.text(err)
	case errors.As(err, &refusal) && refusal.Code == "invalid_grant":
		if now, loadErr := r.Store.Load(s.Name); loadErr == nil && !sameResponse(now, before) {
			out.Session = now // it was renewed beside the lock, as from another machine
			if out.take(r.Need, r.Now()) {
				return nil
			}
			return err
		}
		s.Claim, s.Refused = nil, r.text(refusal)
		err = &RefusedError{s, refusal}
	case errors.As(err, &refusal) && refusal.Code == "invalid_scope" && r.Need.Target.IsZero() && s.Whole != "":
		s.Claim, s.Narrowed = before.Claim, "the provider refuses the scope of its login by now: "+r.text(refusal)
	default:
		s.Claim = before.Claim
	}
	if r.note(ctx, s, err) || p.noted {
		if failed := session.Write(r.Store, s); !errors.Is(failed, session.ErrChanged) { // or else it is told already
			err = errors.Join(err, failed)
		}
	}
	return err
}

// sameResponse reports whether two have the tokens of the same response.
func sameResponse(a, b *session.Session) bool {
	return a.Generation == b.Generation && a.Received.Equal(b.Received)
}

// note notes in the session that the provider could not be asked, and reports whether
// that is what err says. That a caller gave up is nothing that others need to know: they may
// have more patience.
func (r *Renewal) note(ctx context.Context, s *session.Session, err error) bool {
	var transport *oidc.TransportError
	if ctx.Err() != nil || !errors.As(err, &transport) {
		return false
	}
	s.Failure = &session.Failure{At: r.Now(), Why: r.text(err)}
	return true
}

// MayBeSpent reports whether err, which was returned after the refresh token left, leaves open
// whether the provider used it. A refusal by the provider does not, and neither does 429,
// or a 503 in the provider's own words ([oidc.TransportError.Unprocessed]).
func MayBeSpent(err error) bool {
	var transport *oidc.TransportError
	var refusal *oidc.Error
	refused := errors.As(err, &refusal)
	if !errors.As(err, &transport) {
		return !refused
	}
	// What was not sent was refused before, for want of a DPoP nonce.
	return transport.Sent && !transport.Unprocessed()
}

// A passage is the way of one refresh token to the provider and of the answer to the
// store. A caller that gives up meanwhile does not end it: the time-outs of HTTP do.
type passage struct {
	*Renewal
	session *session.Session
	room    session.Reservation // for the answer

	mu      sync.Mutex // held while the note is written: an answer may come before it is
	caller  caller
	release func()
	noted   bool // the store says that the token may be spent
	late    bool // another process has changed the session: nothing was sent
	answer  answer
	ended   bool
}

// A caller is who waits for a passage.
type caller struct {
	cancel context.CancelCauseFunc // ends the passage
	forget func() bool             // stops waiting for the caller's end
	gaveUp func() error            // why the caller did, nil if it did not
}

// An answer is what became of the provider's answer at the store.
type answer struct {
	sent   *session.Session // as it was when the refresh token was sent
	stored bool             // it was given to the store
	kept   bool             // the store has it, or what renews the session
	lost   error            // why the store has not got it, nil if it has
	undo   func()           // of what was done about that
}

// through is ctx, but that its end waits until the passage is over.
func (p *passage) through(ctx context.Context) context.Context {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	p.caller.cancel, p.caller.gaveUp = cancel, func() error { return context.Cause(ctx) }
	p.caller.forget = context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.noted || p.answer.stored {
			cancel(p.caller.gaveUp())
		}
	})
	return inner
}

// sending notes that the refresh token is about to leave.
func (p *passage) sending() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.noted:
		return nil // once more, with a nonce
	case p.caller.gaveUp() != nil:
		return p.caller.gaveUp()
	case p.ended:
		return errors.New("it is not waited for any more")
	}
	if p.Hold != nil {
		p.release = p.Hold()
	}
	if err := p.claim(); err != nil {
		p.late = errors.Is(err, session.ErrChanged)
		return fmt.Errorf("the store: %w", err)
	}
	p.noted = true
	return nil
}

// claim stores the claim to send the refresh token, unless another process was quicker: then the
// error is [session.ErrChanged]. It is the same if storing it took too long, as when the machine
// slept meanwhile: others may no longer count on this process.
func (p *passage) claim() error {
	elapsed := p.Elapsed
	if elapsed == nil {
		elapsed = stopwatch
	}
	since := elapsed()
	before := p.session.Claim
	p.session.Begin(p.Now())
	err := session.Write(p.Store, p.session)
	if err == nil && since() > limit.SendBy {
		err = session.ErrChanged
		_ = p.giveBack(before) // or else the session says that the token may be spent
	} else if err != nil && !errors.Is(err, session.ErrChanged) {
		p.lookUp(before)
	}
	if err != nil {
		p.session.Claim = before
	}
	return err
}

// giveBack stores that this process has no claim any more. Nothing was sent.
func (p *passage) giveBack(before *session.Claim) error {
	p.session.Claim = before
	return session.Write(p.Store, p.session)
}

// lookUp finds out whether a claim was stored by a write that failed, and gives it back then.
func (p *passage) lookUp(before *session.Claim) {
	if now, err := p.Store.Load(p.session.Name); err == nil && now.Claim.Same(p.session.Claim) {
		p.session.Serial = now.Serial
		_ = p.giveBack(before) // or else the session says that the token may be spent
	}
}

// keep stores the session with its new tokens: in the place of what was there when the refresh token
// was sent, and of a claim on that token since, which only --retry makes. What another process has
// received stays.
func (p *passage) keep(room session.Reservation) error {
	for {
		err := session.Keep(p.Store, room, p.session)
		if !errors.Is(err, session.ErrChanged) {
			return err
		}
		now, loadErr := p.Store.Load(p.session.Name)
		if loadErr != nil || p.answer.kept || !sameResponse(now, p.answer.sent) {
			return err
		}
		p.session.Serial, room = now.Serial, nil
	}
}

// received stores the answer. If that does not work it is tried again, also once the answer
// was looked at.
func (p *passage) received(t *oidc.Tokens) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer.sent = p.session.Copy()
	PutFor(p.session, t, p.Need.Target, p.Now())
	room := p.room
	p.room = nil
	err := p.keep(room)
	if errors.Is(err, session.ErrChanged) && p.session.Secret.RefreshToken == "" {
		err = nil // another process has received such tokens too, and nothing was spent
	}
	if p.answer.kept = err == nil || errors.As(err, new(*session.PartError)); !p.answer.kept {
		p.answer.lost = err // settle tries again, and tells
		if p.Rescue != nil {
			p.answer.undo, p.answer.lost = p.Rescue(p.session, err)
		}
	}
	p.letGo()
	if p.answer.stored = true; p.caller.gaveUp() != nil {
		p.caller.cancel(p.caller.gaveUp())
	}
	if p.Received != nil {
		p.Received(t)
	}
	return nil
}

// letGo lets through what was held back.
func (p *passage) letGo() {
	if p.release != nil {
		p.release()
		p.release = nil
	}
}

// end ends the passage, whatever came of it.
func (p *passage) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.caller.forget() // the caller may live on for days
	p.caller.cancel(nil)
	p.letGo()
	if p.room != nil {
		_ = p.room.Discard() // a temporary file that stays behind holds nothing
	}
}
