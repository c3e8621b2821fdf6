package lines

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ErrInterrupted is the cause of stop's end.
var ErrInterrupted = errors.New("interrupted")

// Interrupts returns contexts for [Job.Run]: stop ends with the first interrupt or
// SIGTERM of the process, with the cause ErrInterrupted, giveUp with the second.
// told is called after the first one. A third one ends the process, as without
// this. release ends it all, and waits for told; it may be called again.
func Interrupts(ctx context.Context, told func()) (stop, giveUp context.Context, release func()) {
	stop, endStop := context.WithCancelCause(ctx)
	giveUp, endGiveUp := context.WithCancel(ctx)
	// More than one may come before the first is looked at.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	released, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; n < 2; n++ {
			select {
			case <-signals:
			case <-released:
				return
			}
			if n == 0 {
				endStop(ErrInterrupted)
				told()
				continue
			}
			signal.Stop(signals)
			endGiveUp()
		}
	}()
	return stop, giveUp, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(released)
		<-ended
		endStop(nil)
		endGiveUp()
	})
}
