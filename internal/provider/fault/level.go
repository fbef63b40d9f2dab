// How binding it is what a correct relying party does about a fault.

package fault

import (
	"path"
	"slices"
	"strings"
)

// A Level says who decides what a relying party does about a fault.
type Level string

const (
	// Required means that a standard says MUST: who does otherwise is wrong.
	Required Level = "required"
	// Recommended means that a standard says SHOULD, or gives the reason for it.
	Recommended Level = "recommended"
	// Choice means that the standards leave it to the relying party, or say nothing.
	Choice Level = "choice"
)

// A basis is the level of some faults, and the standard that says so.
type basis struct {
	pattern string // of names of faults or, with a dot, of ids of what they break
	level   Level
	source  string
}

// leveled returns the faults with their levels: that of the first basis for the name, or
// else of the first for what the fault breaks.
func leveled(faults []Fault) []Fault {
	names, ids := faultBases(), ruleBases()
	for i := range faults {
		f := &faults[i]
		id := "-"
		if len(f.Breaks) > 0 {
			id = f.Breaks[0]
		}
		b := basisOf(names, f.Name)
		if b.level == "" && !f.Accept {
			b = basisOf(ids, id)
		}
		f.Level, f.Source = b.level, b.source
	}
	return faults
}

// basisOf returns the first basis whose pattern fits a text, the zero value if there is none.
func basisOf(bases []basis, text string) basis {
	i := slices.IndexFunc(bases, func(b basis) bool {
		fits, err := path.Match(b.pattern, text)
		return err == nil && fits && strings.Contains(b.pattern, ".") == strings.Contains(text, ".")
	})
	if i < 0 {
		return basis{}
	}
	return bases[i]
}

// graded returns a finding by the level of the fault: only who breaks a MUST is wrong, and
// who does what the standards leave open is right.
func (f Fault) graded(finding Finding) Finding {
	finding.Level, finding.Source = f.Level, f.Source
	if finding.Right != nil && !*finding.Right && f.Level == Choice {
		right := true
		finding.Right = &right
	}
	return finding
}
