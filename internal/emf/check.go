package emf

// This file owns CloudWatch's limits (EMF specification; API Reference, Dimension
// and MetricDatum).

import (
	"errors"
	"fmt"
	"strings"
)

// MaxDimensions is how many dimensions a line has at most.
const MaxDimensions = 30

const (
	maxName      = 250
	maxValue     = 1024
	maxNamespace = 255
)

// CheckNamespace returns what is wrong with a namespace.
func CheckNamespace(s string) error {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_/#: ", r)
	}
	odd := strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) })
	if odd || !printable(s, maxNamespace) || strings.HasPrefix(s, ":") || strings.HasPrefix(s, "AWS/") {
		return fmt.Errorf("namespace %.40q, want 1 to %d letters, digits and .-_/#: or space, not beginning with a colon or AWS/", s, maxNamespace)
	}
	return nil
}

// CheckValue returns what is wrong with the value of a dimension; what is the word
// for it.
func CheckValue(what, value string) error {
	if !printable(value, maxValue) {
		return fmt.Errorf("%s %.40q, want 1 to %d bytes of ASCII, neither blank nor with control characters", what, value, maxValue)
	}
	return nil
}

// CheckDimensions returns all that is wrong with the dimensions that a writer's
// WithDimension has added to its own, of which a line has at most own. taken says
// whether a member of that name is written anyway, which goes for "_aws" always.
func CheckDimensions(added []Dimension, own int, taken func(name string) bool) error {
	var errs []error
	good := map[string]bool{}
	for _, d := range added {
		switch {
		case !printable(d.Name, maxName) || d.Name[0] == ':':
			errs = append(errs, fmt.Errorf("WithDimension: name %.40q, want 1 to %d bytes of ASCII, neither blank nor with control characters, not beginning with a colon", d.Name, maxName))
		case good[d.Name] || d.Name == "_aws" || taken(d.Name):
			errs = append(errs, fmt.Errorf("WithDimension: name %q is taken", d.Name))
		case !printable(d.Value, maxValue):
			errs = append(errs, fmt.Errorf("WithDimension: value %.40q of %s, want 1 to %d bytes of ASCII, neither blank nor with control characters", d.Value, d.Name, maxValue))
		default:
			good[d.Name] = true
		}
	}
	if n := len(good); n > MaxDimensions-own {
		errs = append(errs, fmt.Errorf("%d dimensions added, want at most %d", n, MaxDimensions-own))
	}
	return errors.Join(errs...)
}

// printable says whether s is ASCII without control characters, not blank, and of
// at most limit bytes.
func printable(s string, limit int) bool {
	return len(s) <= limit && strings.Trim(s, " ") != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
