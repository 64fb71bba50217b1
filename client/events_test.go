package client_test

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// ledger serves pages of two entries with revisions from 1 to last and fails for the page that begins at failAt.
func ledger(last, failAt int) *client.Client {
	return client.New(answer(func(_ context.Context, request proto.Message) (proto.Message, error) {
		from := 1
		if token := request.(*consentv1.ListEventsRequest).GetPageToken(); token != "" {
			from, _ = strconv.Atoi(token)
		}
		if from == failAt {
			return nil, status.Error(codes.Internal, "no such page")
		}
		response := &consentv1.ListEventsResponse{}
		for r := from; r < from+2 && r <= last; r++ {
			response.Entries = append(response.Entries, &consentv1.LedgerEntry{Revision: uint64(r)})
		}
		if from+2 <= last {
			response.NextPageToken = strconv.Itoa(from + 2)
		}
		return response, nil
	}), 0)
}

func revisions(c *client.Client, request *consentv1.ListEventsRequest, limit int) (got []uint64, failure error) {
	for entry, err := range c.Events(context.Background(), request) {
		if err != nil {
			return got, err
		}
		if got = append(got, entry.GetRevision()); len(got) == limit {
			break
		}
	}
	return got, nil
}

func TestEventsReadsAllPages(t *testing.T) {
	for name, test := range map[string]struct {
		last, failAt, limit int
		from                string
		want                []uint64
		code                codes.Code
	}{
		"empty":             {0, 0, 9, "", nil, codes.OK},
		"one page":          {2, 0, 9, "", []uint64{1, 2}, codes.OK},
		"three pages":       {5, 0, 9, "", []uint64{1, 2, 3, 4, 5}, codes.OK},
		"later page":        {5, 0, 9, "3", []uint64{3, 4, 5}, codes.OK},
		"consumer stops":    {5, 3, 2, "", []uint64{1, 2}, codes.OK},
		"stops in a page":   {5, 0, 3, "", []uint64{1, 2, 3}, codes.OK},
		"second page fails": {5, 3, 9, "", []uint64{1, 2}, codes.Internal},
		"first page fails":  {5, 1, 9, "", nil, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			request := &consentv1.ListEventsRequest{PageToken: test.from}
			for range 2 { // a sequence may be ranged over again
				got, err := revisions(ledger(test.last, test.failAt), request, test.limit)
				if !slices.Equal(got, test.want) || status.Code(err) != test.code {
					t.Errorf("got %v, %v; want %v, %v", got, err, test.want, test.code)
				}
			}
			if request.GetPageToken() != test.from {
				t.Errorf("the request was changed: %v", request)
			}
		})
	}
}

func TestEventsEndsWhenPagesDoNot(t *testing.T) {
	loop := always(&consentv1.ListEventsResponse{NextPageToken: "again"}, nil)
	if got, err := revisions(loop, nil, 9); status.Code(err) != codes.Internal {
		t.Errorf("got %v, %v; want INTERNAL", got, err)
	}
}
