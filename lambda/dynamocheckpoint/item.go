package dynamocheckpoint

// This file owns the form of an item: keys that compare as the sequence numbers
// do, and a size that DynamoDB takes. Another form needs another table, since
// other programs read this one.

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/kinpack/kinpack/internal/sequence"
	"github.com/kinpack/kinpack/lambda"
)

// None of the names is a reserved word of DynamoDB's expressions.
const (
	attrShard    = "shardKey"
	attrSequence = "sequenceNumber"
	attrEntries  = "entries"
	attrArrival  = "lastArrival"
	attrExpires  = "expiresAt"
)

const (
	// maxPartitionKey and maxItem are DynamoDB's, in bytes (Developer Guide, Quotas).
	maxPartitionKey = 2048
	maxItem         = 400 * 1024
	// A list takes 3 bytes, and each element one more (Developer Guide, Item
	// sizes and formats).
	listSize, elementSize = 3, 1
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// partitionKey names a shard. Neither a stream's ARN nor a shard id has a #, so
// two shards never have the same key, whatever the namespace is.
func partitionKey(s lambda.Shard) (string, error) {
	switch key := s.StreamARN + "#" + s.ID + "#" + s.Namespace; {
	case s.StreamARN == "" || strings.Contains(s.StreamARN, "#"):
		return "", fmt.Errorf("dynamocheckpoint: stream ARN %q: want one, without #", s.StreamARN)
	case s.ID == "" || strings.Contains(s.ID, "#"):
		return "", fmt.Errorf("dynamocheckpoint: shard id %q: want one, without #", s.ID)
	case !utf8.ValidString(key):
		return "", fmt.Errorf("dynamocheckpoint: shard %q: want valid UTF-8", key)
	case len(key) > maxPartitionKey:
		return "", fmt.Errorf("dynamocheckpoint: shard %.80q... takes %d bytes, want at most %d", key, len(key), maxPartitionKey)
	default:
		return key, nil
	}
}

// sortKey makes strings of one length, which compare as the numbers do.
func sortKey(number string) (string, error) {
	if len(number) > sequence.MaxDigits {
		return "", fmt.Errorf("dynamocheckpoint: sequence number %.40s... has %d digits, want at most %d", number, len(number), sequence.MaxDigits)
	}
	if !sequence.Valid(number) {
		return "", fmt.Errorf("dynamocheckpoint: sequence number %q: want a decimal number without leading zeros", number)
	}
	return sequence.Pad(number), nil
}

func itemKey(partition, sort string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attrShard: text(partition), attrSequence: text(sort)}
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// item makes the item of p with as many of its entries as find room, and says how
// many these are.
func (c *Checkpoint) item(partition string, p lambda.SavedProgress) (item map[string]types.AttributeValue, kept int, err error) {
	sort, err := sortKey(p.SequenceNumber)
	if err != nil {
		return nil, 0, err
	}
	item = itemKey(partition, sort)
	size := len(attrShard) + len(partition) + len(attrSequence) + len(sort)

	last := p.LastArrival
	if last.IsZero() {
		last = time.Now()
	} else {
		arrival, err := last.UTC().MarshalText()
		if err != nil {
			return nil, 0, fmt.Errorf("dynamocheckpoint: last arrival: %w", err)
		}
		item[attrArrival] = text(string(arrival))
		size += len(attrArrival) + len(arrival)
	}
	// Rounded up: an item is of use for the whole retention.
	expires := strconv.FormatInt(last.Add(c.retention+time.Second-1).Unix(), 10)
	item[attrExpires] = &types.AttributeValueMemberN{Value: expires}
	size += len(attrExpires) + numberSize(expires)

	list := &types.AttributeValueMemberL{Value: []types.AttributeValue{}}
	item[attrEntries] = list
	size += len(attrEntries) + listSize
	for _, e := range p.Entries {
		size += elementSize + len(e)
		if size > maxItem {
			break
		}
		if e == nil {
			e = []byte{} // an empty value, not one without a value
		}
		list.Value = append(list.Value, &types.AttributeValueMemberB{Value: e})
	}
	return item, len(list.Value), nil
}

// numberSize is what DynamoDB counts for a positive number: a byte, and one for
// each two digits. It trims zeros at the end, which is not counted on here.
func numberSize(digits string) int { return 1 + (len(digits)+1)/2 }

// parseItem reads what item made.
func parseItem(item map[string]types.AttributeValue) (p lambda.SavedProgress, expires time.Time, err error) {
	sort, ok := item[attrSequence].(*types.AttributeValueMemberS)
	if !ok || len(sort.Value) != sequence.MaxDigits || !isNumber(sort.Value) {
		return p, expires, fmt.Errorf("%s is no string of %d digits", attrSequence, sequence.MaxDigits)
	}
	if p.SequenceNumber = strings.TrimLeft(sort.Value, "0"); p.SequenceNumber == "" {
		p.SequenceNumber = "0"
	}
	if err := parseRest(item, &p, &expires); err != nil {
		return p, expires, fmt.Errorf("sequence number %s: %w", p.SequenceNumber, err)
	}
	return p, expires, nil
}

func parseRest(item map[string]types.AttributeValue, p *lambda.SavedProgress, expires *time.Time) error {
	number, ok := item[attrExpires].(*types.AttributeValueMemberN)
	if !ok {
		return errors.New(attrExpires + " is no number")
	}
	seconds, err := strconv.ParseInt(number.Value, 10, 64)
	if err != nil {
		return fmt.Errorf("%s: %w", attrExpires, err)
	}
	*expires = time.Unix(seconds, 0)

	switch arrival := item[attrArrival].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		if p.LastArrival, err = time.Parse(time.RFC3339Nano, arrival.Value); err != nil {
			return fmt.Errorf("%s: %w", attrArrival, err)
		}
	default:
		return errors.New(attrArrival + " is no string")
	}

	list, ok := item[attrEntries].(*types.AttributeValueMemberL)
	if !ok {
		return errors.New(attrEntries + " is no list")
	}
	for i, v := range list.Value {
		entry, ok := v.(*types.AttributeValueMemberB)
		if !ok {
			return fmt.Errorf("%s: element %d is no binary", attrEntries, i)
		}
		p.Entries = append(p.Entries, entry.Value)
	}
	return nil
}
