package lambda

import "errors"

// ErrPoison marks an error as poison: errors.Is(err, ErrPoison) holds for every
// error that [Poison] made and for those that wrap one. It serves to test a
// handler.
var ErrPoison = errors.New("lambda: poison record")

// Poison marks err: the record will fail every time, another attempt is of no
// use. A handler that returns it, also wrapped, sends the record to the dead
// letter at once; without a [DeadLetter] the record counts as failed.
//
// The result says what err says, and errors.Is and errors.As find err in it.
// Poison(nil) is nil: no error stays no error.
func Poison(err error) error {
	if err == nil {
		return nil
	}
	return &poisonError{err}
}

type poisonError struct{ err error }

func (e *poisonError) Error() string        { return e.err.Error() }
func (e *poisonError) Unwrap() error        { return e.err }
func (e *poisonError) Is(target error) bool { return target == ErrPoison }
