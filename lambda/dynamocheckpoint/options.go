package dynamocheckpoint

// This file owns the options, and one validate that names all that is wrong at once.

import (
	"errors"
	"fmt"
	"time"
)

const (
	// defaultRetention and maxRetention are Kinesis's default and its most (Data
	// Streams Developer Guide, Changing the data retention period).
	defaultRetention = 24 * time.Hour
	maxRetention     = 365 * 24 * time.Hour
	// minRetention is the least of the event source mapping's MaximumRecordAgeInSeconds.
	minRetention = time.Minute
)

// Option changes a setting of a [Checkpoint]. Of two that set the same, the last
// one wins.
type Option func(*config)

type config struct {
	retention time.Duration
	nilOption bool
}

// WithRetention says how long progress is of use, counted from the last arrival
// of the records that it is of: set it to the stream's retention period, or to the
// event source mapping's MaximumRecordAgeInSeconds if that is shorter. The default
// is 24 hours, as it is for a stream; the range is 1 minute to 365 days.
//
// With less than the retention, what succeeded runs again when Lambda retries a
// record that is older. With more, items stay longer for nothing.
//
// It goes into the items that are saved from then on, not into those in the table.
func WithRetention(d time.Duration) Option {
	return func(c *config) { c.retention = d }
}

// validate joins every complaint.
func (c *config) validate(client Client, table string) error {
	var errs []error
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New("dynamocheckpoint: "+text))
		}
	}
	complain(client == nil, "the client is nil")
	complain(table == "", "the table has no name")
	complain(c.nilOption, "an option is nil")
	complain(c.retention < minRetention || c.retention > maxRetention,
		fmt.Sprintf("WithRetention(%v): want %v to %v", c.retention, minRetention, maxRetention))
	return errors.Join(errs...)
}
