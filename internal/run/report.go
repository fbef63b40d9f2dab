// --report: files that show the record of the run to people who were not there.

package run

import (
	"errors"
	"fmt"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/report"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// Reporting is which reports a run writes, and what they say that only the command line knows.
type Reporting struct {
	Files     []*ReportFile
	Purpose   string   // what the command does, in a few words
	Arguments []string // the command line without the program and without secrets
}

// A ReportFile is a file that a report is written to when the run is over.
type ReportFile struct {
	path     string
	form     report.Form
	reserved *durable.Reservation
}

// ReserveReports makes ready the files of reports, before anything is sent. Each of them is written or
// discarded when the run finishes.
func ReserveReports(paths []string) ([]*ReportFile, error) {
	var files []*ReportFile
	for _, path := range paths {
		file, err := reserveReport(path)
		if err != nil {
			discardReports(files)
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func reserveReport(path string) (*ReportFile, error) {
	form, err := report.FormOf(path)
	if err != nil {
		return nil, err
	}
	reserved, err := durable.Reserve(path)
	if err != nil {
		return nil, failure.Config("--report %s: %v", path, err).
			Try("name a file in a folder that exists and that you can write to")
	}
	return &ReportFile{path, form, reserved}, nil
}

func discardReports(files []*ReportFile) {
	for _, file := range files {
		_ = file.reserved.Discard() // it holds nothing
	}
}

// writeReports writes the reports that were asked for, and says where they are.
func writeReports(r *Run) error {
	asked := r.Options.Reporting
	if len(asked.Files) == 0 {
		return nil
	}
	story := report.Tell(r.Record, r.Redactor, report.About{
		Purpose: asked.Purpose, Arguments: asked.Arguments, Configuration: r.Record.Configuration,
		Version: r.Env.Build.Name(), Ended: r.Env.Now(),
	})
	var failed []error
	for _, file := range asked.Files {
		if err := file.write(story); err != nil {
			failed = append(failed, err)
			continue
		}
		r.Inform("report: %s", file.path)
	}
	return errors.Join(failed...)
}

// write renders a story and commits the file.
func (f *ReportFile) write(story *report.Story) error {
	data, err := f.form.Render(story)
	if err != nil {
		_ = f.reserved.Discard() // the error says more
		return fmt.Errorf("--report %s: %w", f.path, err)
	}
	if err := f.reserved.Commit(data); err != nil {
		return fmt.Errorf("--report %s: %w", f.path, err)
	}
	return nil
}

// reported is the error of a run whose reports could not all be written. What the run did is done.
func reported(r *Run, err error) error {
	told := writeReports(r)
	if told == nil || err == nil {
		return told
	}
	r.console.Line(transcript.LevelWarn, r.Message(told))
	return err
}

// ended is the exit code of a run that showed everything itself. It has a report if there is something
// to report.
func ended(r *Run, done *Done) int {
	if exchanges, _ := r.Record.Exchanges.All(); len(exchanges) == 0 {
		discardReports(r.Options.Reporting.Files)
		return done.Code
	}
	r.Record.Seal()
	if err := writeReports(r); err != nil {
		r.console.Line(transcript.LevelError, r.Message(err))
		return max(done.Code, 1)
	}
	return done.Code
}

// ReportForms are the endings that the name of a report may have.
func ReportForms() []string { return report.Forms() }
