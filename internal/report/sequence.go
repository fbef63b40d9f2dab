// The sequence diagram and the waterfall of the page: where each line and each word stands.

package report

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// The measures of the drawings, in pixels of an SVG that is scaled to the width of the page.
const (
	width     = 900
	margin    = 110 // from the edge to the first and the last lifeline
	top       = 40
	rowHeight = 58
	perLetter = 7 // the width of a letter, roughly
)

// A Lifeline is a party in the sequence diagram.
type Lifeline struct {
	Name string
	X    int
}

// An Arrow is a request, with its response, in the sequence diagram.
type Arrow struct {
	Number         int
	From, To       int // x
	Y, TextX       int
	Text, Back     string // what stands above the request and the response; Back "" means there is none
	Fault          string
	HeadX, FailedX int
}

// A Sequence is the sequence diagram.
type Sequence struct {
	Width, Height, Bottom int
	Lifelines             []Lifeline
	Arrows                []Arrow
}

// Sequence lays out the sequence diagram.
func (s *Story) Sequence() Sequence {
	parties := s.Parties()
	x := map[Party]int{}
	d := Sequence{Width: width, Height: top + rowHeight*len(s.Steps) + 30}
	d.Bottom = d.Height - 10
	for i, party := range parties {
		x[party] = margin
		if len(parties) > 1 {
			x[party] += i * (width - 2*margin) / (len(parties) - 1)
		}
		d.Lifelines = append(d.Lifelines, Lifeline{party.String(), x[party]})
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		from, to := x[step.From], x[step.To]
		room := max(from-to, to-from)/perLetter - 4
		a := Arrow{
			Number: step.Number, From: from, To: to, Y: top + rowHeight*i + 30, TextX: (from + to) / 2,
			Text: short(fmt.Sprintf("%d. %s", step.Number, step.Request), room), Back: short(step.Response, room),
			Fault: step.Fault,
		}
		d.Arrows = append(d.Arrows, a)
	}
	return d
}

// short cuts a text that has no room.
func short(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:max(most-1, 1)]) + "…"
}

// A Bar is an exchange in the waterfall.
type Bar struct {
	Number   int
	Name     string
	Y        int
	Segments []Segment
	Text     string
	TextX    int
	Fault    string
}

// A Segment is a part of an exchange's time.
type Segment struct {
	Kind     string // the name of a class of the style sheet
	X, Width float64
}

// A Waterfall shows when each exchange took place.
type Waterfall struct {
	Width, Height int
	Bars          []Bar
	Total         string
	RoundTrips    int // on the critical path, each at least
}

// The measures of the waterfall.
const (
	barHeight = 26
	barLeft   = 260
	barRight  = 110 // room for the text behind the last bar
)

// Waterfall lays out the waterfall. Exchanges that were no request of the program's are left out.
func (s *Story) Waterfall() Waterfall {
	w := Waterfall{Width: width}
	var end time.Duration
	for i := range s.Steps {
		end = max(end, s.Steps[i].Offset+s.Steps[i].Duration)
	}
	if end == 0 {
		return w
	}
	scale := float64(width-barLeft-barRight) / float64(end)
	for i := range s.Steps {
		if step := &s.Steps[i]; step.From == Client {
			bar := barOf(step, scale)
			bar.Y = len(w.Bars) * barHeight
			w.Bars = append(w.Bars, bar)
		}
	}
	w.Height, w.Total, w.RoundTrips = len(w.Bars)*barHeight+4, milliseconds(end), s.roundTrips()
	return w
}

func barOf(step *Step, scale float64) Bar {
	bar := Bar{
		Number: step.Number, Name: short(fmt.Sprintf("%d. %s", step.Number, step.Request), (barLeft-20)/perLetter),
		Text: milliseconds(step.Duration), Fault: step.Fault,
	}
	at := barLeft + float64(step.Offset)*scale
	begin := at
	t := step.Timing
	known := t.DNS + t.Connect + t.TLS + t.Send + t.Wait + t.Body
	for _, part := range []struct {
		kind   string
		length time.Duration
	}{
		{"other", max(0, step.Duration-known)},
		{"dns", t.DNS},
		{"connect", t.Connect},
		{"tls", t.TLS},
		{"send", t.Send},
		{"wait", t.Wait},
		{"body", t.Body},
	} {
		if length := float64(part.length) * scale; part.length > 0 {
			bar.Segments = append(bar.Segments, Segment{part.kind, at, max(length, 0.5)})
			at += length
		}
	}
	bar.TextX = int(max(at, begin)) + 6
	return bar
}

// roundTrips is how many round trips followed each other: one for a request, and one more each for a
// new TCP connection and a TLS handshake. Of exchanges that went on at the same time only those count
// that the next ones had to wait for.
func (s *Story) roundTrips() int {
	longest := make([]int, len(s.Steps))
	most := 0
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.From != Client || step.Cached {
			continue
		}
		for j := range i {
			if before := &s.Steps[j]; before.Offset+before.Duration <= step.Offset {
				longest[i] = max(longest[i], longest[j])
			}
		}
		longest[i]++
		if step.Timing.Connect > 0 {
			longest[i]++
		}
		if step.Timing.TLS > 0 {
			longest[i]++
		}
		most = max(most, longest[i])
	}
	return most
}
