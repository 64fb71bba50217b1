package decisionlog

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/server/audit/line"
)

// collector is an OTLP collector behind a real socket. LogsData is ExportLogsServiceRequest field by field.
type collector struct {
	mu sync.Mutex
	// errs are what the next exports fail with.
	errs []error
	// answer is an encoded ExportLogsServiceResponse.
	answer []byte
	taken  []*logspb.LogRecord
	name   string
}

func (c *collector) export(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var message []byte
	if err := decode(&message); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errs) > 0 {
		err := c.errs[0]
		c.errs = c.errs[1:]
		return nil, err
	}
	var request logspb.LogsData
	if err := (proto.UnmarshalOptions{}).Unmarshal(message, &request); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	for _, r := range request.GetResourceLogs() {
		c.name = r.GetResource().GetAttributes()[0].GetKey() + "=" + r.GetResource().GetAttributes()[0].GetValue().GetStringValue()
		for _, s := range r.GetScopeLogs() {
			if len(r.ProtoReflect().GetUnknown())+len(s.ProtoReflect().GetUnknown()) > 0 || s.GetScope().GetName() != "consentd" {
				return nil, status.Error(codes.InvalidArgument, "unknown fields")
			}
			c.taken = append(c.taken, s.GetLogRecords()...)
		}
	}
	answer := c.answer
	return &answer, nil
}

func (c *collector) serve(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}))
	service, method, _ := strings.Cut(strings.TrimPrefix(exportMethod, "/"), "/")
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: method, Handler: c.export}},
	}, c)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().String()
}

func (c *collector) records() []*logspb.LogRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken
}

// TestOTLP: each line is the body of a record, once, also where exports fail for a while.
func TestOTLP(t *testing.T) {
	c := &collector{errs: []error{status.Error(codes.Unavailable, "starting"), status.Error(codes.ResourceExhausted, "busy")}}
	l := open(t, Config{Sink: "otlp://" + c.serve(t)})
	const n = 1000
	record(t, l, n)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range c.records() {
		got, err := line.Parse([]byte(r.GetBody().GetStringValue()))
		if err != nil || uint64(got.Time) != r.GetTimeUnixNano() || r.GetObservedTimeUnixNano() == 0 ||
			r.GetSeverityNumber() != logspb.SeverityNumber_SEVERITY_NUMBER_INFO || r.GetEventName() != "consentd.decision" ||
			len(r.ProtoReflect().GetUnknown()) > 0 {
			t.Fatalf("%v: %v", r, err)
		}
		seen[got.Decision.ID] = true
	}
	if len(seen) != n || len(c.records()) != n || c.name != "service.name=consentd" {
		t.Errorf("%d records of %d lines, %s", len(c.records()), n, c.name)
	}
	if s := l.Stats(); s.Lines != n || s.Refused+s.Lost > 0 || s.Failing {
		t.Errorf("%+v", s)
	}
}

// TestOTLPRefusals: what a collector refuses for good is counted, and does not stand in the way of what follows.
func TestOTLPRefusals(t *testing.T) {
	partial := appendBytes(nil, responsePartial,
		appendBytes(protowire.AppendVarint(protowire.AppendTag(nil, partialRejected, protowire.VarintType), 3),
			partialErrorMessage, []byte("too old")))
	c := &collector{errs: []error{status.Error(codes.InvalidArgument, "no")}, answer: partial}
	l := open(t, Config{Sink: "otlp://" + c.serve(t)})
	record(t, l, 1)
	eventually(t, "the first is refused", func() bool { return l.Stats().Refused == 1 })
	record(t, l, 1) // of which the collector says that it rejected three
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Refused != 4 || len(c.records()) != 1 {
		t.Errorf("%+v, %d records", s, len(c.records()))
	}
}

// TestOTLPWithoutACollector: a server starts and stops without one, and its lines are lost and counted.
func TestOTLPWithoutACollector(t *testing.T) {
	l := open(t, Config{Sink: "otlp://127.0.0.1:1"})
	record(t, l, 10)
	eventually(t, "it fails", func() bool { return l.Stats().Failing })
	l.abortAfter = 1
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Lost != 10 {
		t.Errorf("%+v", s)
	}
}
