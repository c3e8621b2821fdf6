package lines_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var errStop = errors.New("enough")

// contexts returns those of Run, and what ends them.
func contexts(t *testing.T) (stop, giveUp context.Context, endStop func(), endGiveUp func()) {
	stop, end := context.WithCancelCause(t.Context())
	giveUp, cancel := context.WithCancel(t.Context())
	return stop, giveUp, func() { end(errStop) }, cancel
}

// Stopped while it waits for input: what was read is put, and the half line is not.
func TestStopWhileReading(t *testing.T) {
	for _, half := range []string{"", "half", strings.Repeat("x", 250)} {
		synctest.Test(t, func(t *testing.T) {
			stop, giveUp, end, _ := contexts(t)
			client := kinesistest.Fake(t, "s", 1)
			in, input := io.Pipe()
			f := newFile()
			p := newProducer(t, client, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0))
			ended := make(chan lines.Outcome)
			go func() {
				job := lines.Job{In: in, Producer: p, Failed: f, MaxLine: 100}
				ended <- job.Run(stop, giveUp)
			}()
			go func() { _, _ = io.WriteString(input, "1\n2\n"+half) }()
			synctest.Wait()
			end()
			out := <-ended
			if out.Lines != 2 || out.Failed != 0 || out.Stopped != errStop || data(stored(t, client)) != "1|2" || f.Len() > 0 {
				t.Errorf("%+v, %q, %q", out, data(stored(t, client)), f)
			}
			_ = in.Close() // ends the read that was left behind
			synctest.Wait()
		})
	}
}

// Stopped before it starts: nothing is taken.
func TestStoppedBefore(t *testing.T) {
	stop, giveUp, end, _ := contexts(t)
	end()
	client := kinesistest.Fake(t, "s", 1)
	job := lines.Job{In: strings.NewReader("1\n"), Producer: newProducer(t, client), MaxLine: 100}
	if out := job.Run(stop, giveUp); out.Lines != 0 || out.Stopped != errStop || len(stored(t, client)) > 0 {
		t.Errorf("%+v", out)
	}
}

// Stopped while the buffer is full: the line that waits was not taken. A second
// stop hands back what is under way, whole and in order.
func TestStopAndGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, giveUp, end, endAll := contexts(t)
		client := kinesistest.Fake(t, "s", 1)
		p := newProducer(t, client, producer.WithMaxBufferedBytes(2000), producer.WithRecordTTL(0))
		client.Server().SetFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
			return kinesistest.Fault{Failure: kinesistest.APIError(500, "InternalFailure")}
		})
		f := newFile()
		ended := make(chan lines.Outcome)
		job := lines.Job{In: &repeated{line: "some line\n"}, Producer: p, Failed: f, MaxLine: 100}
		go func() { ended <- job.Run(stop, giveUp) }()
		time.Sleep(time.Minute)
		end()
		time.Sleep(time.Minute)
		select {
		case out := <-ended:
			t.Errorf("given up: %+v", out)
		default:
		}
		endAll()
		out := <-ended
		if out.Lines == 0 || out.Lines > 8 || out.Failed != out.Lines || out.MaybeStored != out.Lines || out.Stopped != errStop || out.Missing != 0 {
			t.Errorf("%+v", out)
		}
		if want := strings.Repeat("some line\n", int(out.Lines)); f.String() != want {
			t.Errorf("%q", f)
		}
		if why := out.Reasons[0]; why.Code != "InternalFailure" || !strings.Contains(why.Text, "given up after ") {
			t.Errorf("%+v", why)
		}
	})
}

// Stopped while it waits for earlier lines, to write a long one, or for the file.
func TestStopWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, giveUp, end, _ := contexts(t)
		h, f := &held{t: t}, newFile()
		ended := make(chan lines.Outcome)
		job := lines.Job{In: strings.NewReader("1\n" + strings.Repeat("x", 250) + "\n"), Producer: h, Failed: f, MaxLine: 100}
		go func() { ended <- job.Run(stop, giveUp) }()
		synctest.Wait()
		end()
		if out := <-ended; out.Lines != 1 || out.Failed != 0 || out.Stopped != errStop || f.Len() > 0 {
			t.Errorf("%+v, %q", out, f)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		stop, giveUp, end, _ := contexts(t)
		f := newSlow()
		ended := make(chan lines.Outcome)
		job := lines.Job{In: &repeated{line: strings.Repeat("x", maxLine-1) + "\n"}, Producer: fake{}, Failed: f, MaxLine: maxLine, Key: badKey}
		go func() { ended <- job.Run(stop, giveUp) }()
		synctest.Wait()
		end()
		synctest.Wait()
		close(f.goOn)
		if out := <-ended; out.Failed != out.Lines || out.Missing != 0 || int64(f.Len()) != out.Lines*maxLine || out.Stopped != errStop {
			t.Errorf("%+v, %d bytes", out, f.Len())
		}
	})
}

// A record that is not stored in time has failed; others of its run are put.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "s", 2)
		low := client.Server().Shards("s")[0]
		client.Server().SetFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
			f := kinesistest.Fault{Entries: map[int]string{}}
			if r.PutRecords == nil {
				return f
			}
			for i, e := range r.PutRecords.Records {
				if low.Contains(aws.ToString(e.ExplicitHashKey)) {
					f.Entries[i] = "ProvisionedThroughputExceededException"
				}
			}
			return f
		})
		key, err := lines.MemberKey("k")
		if err != nil {
			t.Fatal(err)
		}
		var in, want bytes.Buffer
		good := 0
		for i := range 100 {
			line := fmt.Sprintf(`{"k":%d}`+"\n", i)
			in.WriteString(line)
			if low.Contains(kinesistest.HashKey(fmt.Sprint(i))) {
				want.WriteString(line)
			} else {
				good++
			}
		}
		f := newFile()
		out := outcome(t, lines.Job{In: &in, Producer: newProducer(t, client, producer.WithRecordTTL(10*time.Second)), Failed: f, Key: key})
		if out.Stopped != nil || len(stored(t, client)) != good || out.Failed != int64(100-good) || f.String() != want.String() || out.MaybeStored != 0 {
			t.Errorf("%+v, %d stored, %q", out, len(stored(t, client)), f)
		}
		if len(out.Reasons) != 1 || out.Reasons[0].Code != "ProvisionedThroughputExceededException" || !strings.Contains(out.Reasons[0].Text, "expired after ") {
			t.Errorf("%+v", out.Reasons)
		}
	})
}

// refusing refuses calls that hold a record with the data, for ever.
func refusing(data, code string) kinesistest.Faults {
	return func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
		if r.PutRecords != nil {
			for _, e := range r.PutRecords.Records {
				if bytes.Contains(e.Data, []byte(data)) {
					return kinesistest.Fault{Failure: kinesistest.APIError(400, code)}
				}
			}
		}
		return kinesistest.Fault{}
	}
}

// until is an end of the input that comes when it is closed.
type until chan struct{}

func (u until) Read([]byte) (int, error) {
	<-u
	return 0, io.EOF
}

// A record that the service calls invalid fails alone, and is not quoted; what it
// refuses for another reason ends the run.
func TestRefused(t *testing.T) {
	client := kinesistest.Fake(t, "s", 1)
	client.Server().SetFaults(refusing("bad", "ValidationException"))
	f, failed := newFile(), make(until)
	in := io.MultiReader(strings.NewReader("good\nbad\n"), failed, strings.NewReader("fine\n"))
	out := outcome(t, lines.Job{In: in, Producer: newProducer(t, client, producer.WithAggregation(false)), Failed: f, Tell: func(lines.Reason) { close(failed) }})
	if out.Stopped != nil || out.Lines != 3 || out.Failed != 1 || f.String() != "bad\n" || data(stored(t, client)) != "good|fine" {
		t.Errorf("%+v, %q", out, f)
	}
	if out.Reasons[0].Code != "ValidationException" || strings.Contains(out.Reasons[0].Text, ": ") {
		t.Errorf("%+v", out.Reasons)
	}

	client = kinesistest.Fake(t, "s", 1)
	client.Server().SetFaults(refusing("x", "AccessDeniedException"))
	endless := &repeated{line: "x\n"}
	out = outcome(t, lines.Job{In: endless, Producer: newProducer(t, client)})
	if !errors.Is(out.Stopped, lines.ErrRefused) || out.Stopped.Error() != "the service refuses records: AccessDeniedException" || out.Failed != out.Lines || out.Failed == 0 {
		t.Errorf("%+v", out)
	}
}

// A stream that is deleted on the way ends the run, and every line is accounted for.
func TestStreamDeleted(t *testing.T) {
	client := kinesistest.Fake(t, "s", 1)
	p := newProducer(t, client)
	f := newFile()
	var put atomic.Int64
	client.Server().SetFaults(func(ctx context.Context, r kinesistest.Request) kinesistest.Fault {
		if r.PutRecords != nil {
			if put.Add(1) == 3 {
				if _, err := client.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: aws.String("s")}); err != nil {
					t.Error(err)
				}
			}
		}
		return kinesistest.Fault{}
	})
	out := outcome(t, lines.Job{In: &repeated{line: "some line\n"}, Producer: p, Failed: f})
	st := p.Stats()
	if !errors.Is(out.Stopped, lines.ErrRefused) || out.Reasons[0].Code != "ResourceNotFoundException" || out.Missing != 0 {
		t.Errorf("%+v", out)
	}
	if st.UserRecordsPut == 0 || st.UserRecordsPut+out.Failed != out.Lines || st.UserRecordsFailed != out.Failed || int64(f.Len()) != 10*out.Failed {
		t.Errorf("%d put, %d failed, %d in the file, of %d", st.UserRecordsPut, out.Failed, f.Len()/10, out.Lines)
	}
}

// No answer comes, and none of the service's codes: the words are the transport's.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "s", 1)
		p := newProducer(t, client, producer.WithRecordTTL(10*time.Second))
		client.Server().SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
			return kinesistest.Fault{Failure: kinesistest.NoAnswer()}
		})
		out := outcome(t, lines.Job{In: strings.NewReader("a\nb\n"), Producer: p})
		if out.Failed != 2 || out.MaybeStored != 2 || out.Reasons[0].Code != "Expired" || !strings.Contains(out.Reasons[0].Text, "deadline exceeded") {
			t.Errorf("%+v", out)
		}
	})
}

// Given up before anything could be sent.
func TestHandedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, giveUp, end, endAll := contexts(t)
		client := kinesistest.Fake(t, "s", 1, kinesistest.WithThroughput(1, 1))
		p := newProducer(t, client, producer.WithRateLimit(1), producer.WithRecordTTL(0), producer.WithAggregation(false))
		client.Server().SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
			return kinesistest.Fault{Delay: time.Hour}
		})
		ended := make(chan lines.Outcome)
		job := lines.Job{In: strings.NewReader(strings.Repeat("a\n", 100)), Producer: p, MaxLine: 100}
		go func() { ended <- job.Run(stop, giveUp) }()
		time.Sleep(time.Second)
		end()
		endAll()
		out := <-ended
		i := slices.IndexFunc(out.Reasons, func(r lines.Reason) bool { return r.Code == "HandedBack" })
		if out.Lines != 100 || out.Failed != 100 || out.Stopped != nil || i < 0 || out.MaybeStored == 0 || out.MaybeStored == 100 {
			t.Errorf("%+v", out)
		}
	})
}
