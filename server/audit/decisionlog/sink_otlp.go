package decisionlog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// exportTimeout bounds one export, as the OTLP specification has it by default.
const exportTimeout = 10 * time.Second

// exportMethod is LogsService.Export of OTLP (opentelemetry-proto, collector/logs/v1).
const exportMethod = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// maxExportBytes keeps a message below the 4 MiB that a collector takes by default.
const maxExportBytes = 2 << 20

// otlp sends lines to a collector, each as the body of a log record. What the collector refuses for good is counted as
// refused and not sent again (OTLP specification, "failures"); all else is.
type otlp struct {
	config     Config
	connection *grpc.ClientConn
	message    []byte
	records    []byte
	// done is how many lines of the batch were taken before an error.
	done int
	// refused counts the lines that the collector does not want.
	refused *atomic.Uint64
	// complained is when one of these was last logged.
	complained time.Time
}

// refuse counts lines that the collector does not want, and says why, once a minute.
func (s *otlp) refuse(lines int, why string) {
	s.refused.Add(uint64(lines))
	if time.Since(s.complained) > complainEvery {
		s.complained = time.Now()
		s.config.Logger.Error("the collector refuses lines of the decision log: they are lost", "collector", s.config.Sink, "why", why,
			"refused", s.refused.Load())
	}
}

func newOTLP(c Config, refused *atomic.Uint64) (*otlp, error) {
	address, isTLS, _ := c.collector()
	transport := insecure.NewCredentials()
	if isTLS {
		config, err := c.tls()
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(config)
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport), grpc.WithUserAgent("consentd"),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	if err != nil {
		return nil, fmt.Errorf("decision-log: %q: %w", c.Sink, err)
	}
	return &otlp{config: c, connection: connection, refused: refused}, nil
}

func (c Config) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLSCA != "" {
		pem, err := os.ReadFile(c.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("decision-log-tls-ca: %w: name a PEM file", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("decision-log-tls-ca: no certificate in %s: name a PEM file", c.TLSCA)
		}
	}
	if c.TLSCert == "" {
		return config, nil
	}
	if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
		return nil, fmt.Errorf("decision-log-tls-cert, decision-log-tls-key: %w: name PEM files that belong together", err)
	}
	// Read at each handshake, so that a new pair is used without a restart.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		return &pair, err
	}
	return config, nil
}

func (s *otlp) Write(b *batch) error {
	for s.done < len(b.ends) {
		n := s.encode(b)
		ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
		var answer []byte
		err := s.connection.Invoke(ctx, exportMethod, &s.message, &answer)
		cancel()
		switch rejected, why := rejectedRecords(answer); {
		case err == nil && rejected > 0:
			s.refuse(int(rejected), why)
		case err != nil && !lasting(err):
			return fmt.Errorf("exporting to %s: %w", s.config.Sink, err)
		case err != nil:
			s.refuse(n, err.Error())
		}
		s.done += n
	}
	s.done = 0
	return nil
}

// lasting reports whether sending the same again would fail again: the OTLP specification lists the codes that are
// worth another attempt. A collector that does not know us yet, or has no such service yet, may be being set up.
func lasting(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.Internal, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.Unknown:
		return true
	}
	return false
}

// Numbers of fields of opentelemetry-proto: logs.proto, common.proto and resource.proto.
const (
	requestResourceLogs protowire.Number = 1

	resourceLogsResource protowire.Number = 1
	resourceLogsScopes   protowire.Number = 2
	resourceAttributes   protowire.Number = 1
	scopeLogsScope       protowire.Number = 1
	scopeLogsRecords     protowire.Number = 2
	scopeName            protowire.Number = 1

	recordTime           protowire.Number = 1
	recordSeverity       protowire.Number = 2
	recordBody           protowire.Number = 5
	recordObservedTime   protowire.Number = 11
	recordEventName      protowire.Number = 12
	keyValueKey          protowire.Number = 1
	keyValueValue        protowire.Number = 2
	anyValueString       protowire.Number = 1
	severityInfo                          = 9
	responsePartial      protowire.Number = 1
	partialRejected      protowire.Number = 1
	partialErrorMessage  protowire.Number = 2
	serviceNameAttribute                  = "service.name"
	serviceName                           = "consentd"
	eventName                             = "consentd.decision"
)

// encode makes an ExportLogsServiceRequest of the lines from done on, as many as fit, and returns how many.
func (s *otlp) encode(b *batch) (lines int) {
	s.records = s.records[:0]
	observed := uint64(time.Now().UnixNano())
	for i := s.done; i < len(b.ends); i++ {
		begin := 0
		if i > 0 {
			begin = b.ends[i-1]
		}
		body := b.data[begin : b.ends[i]-1] // without the newline
		if len(s.records)+len(body) > maxExportBytes && lines > 0 {
			break
		}
		s.record(body, uint64(b.times[i]), observed)
		lines++
	}
	scope := appendBytes(nil, scopeLogsScope, appendBytes(nil, scopeName, []byte(serviceName)))
	value := appendBytes(nil, anyValueString, []byte(serviceName))
	attribute := appendBytes(appendBytes(nil, keyValueKey, []byte(serviceNameAttribute)), keyValueValue, value)
	resource := appendBytes(nil, resourceLogsResource, appendBytes(nil, resourceAttributes, attribute))
	logs := protowire.AppendTag(resource, resourceLogsScopes, protowire.BytesType)
	logs = protowire.AppendVarint(logs, uint64(len(scope)+len(s.records)))
	s.message = protowire.AppendTag(s.message[:0], requestResourceLogs, protowire.BytesType)
	s.message = protowire.AppendVarint(s.message, uint64(len(logs)+len(scope)+len(s.records)))
	s.message = append(append(append(s.message, logs...), scope...), s.records...)
	return lines
}

// record appends a LogRecord, as an element of ScopeLogs.
func (s *otlp) record(body []byte, at, observed uint64) {
	text := protowire.SizeTag(anyValueString) + protowire.SizeBytes(len(body))
	size := protowire.SizeTag(recordTime) + 8 + protowire.SizeTag(recordSeverity) + 1 +
		protowire.SizeTag(recordBody) + protowire.SizeBytes(text) + protowire.SizeTag(recordObservedTime) + 8 +
		protowire.SizeTag(recordEventName) + protowire.SizeBytes(len(eventName))
	r := protowire.AppendVarint(protowire.AppendTag(s.records, scopeLogsRecords, protowire.BytesType), uint64(size))
	r = protowire.AppendFixed64(protowire.AppendTag(r, recordTime, protowire.Fixed64Type), at)
	r = protowire.AppendVarint(protowire.AppendTag(r, recordSeverity, protowire.VarintType), severityInfo)
	r = protowire.AppendVarint(protowire.AppendTag(r, recordBody, protowire.BytesType), uint64(text))
	r = appendBytes(r, anyValueString, body)
	r = protowire.AppendFixed64(protowire.AppendTag(r, recordObservedTime, protowire.Fixed64Type), observed)
	s.records = appendBytes(r, recordEventName, []byte(eventName))
}

func appendBytes(b []byte, number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), content)
}

// rejectedRecords reads ExportLogsServiceResponse.partial_success; what cannot be read says nothing.
func rejectedRecords(answer []byte) (rejected int64, why string) {
	fields(answer, func(number protowire.Number, value []byte, _ uint64) {
		if number != responsePartial {
			return
		}
		fields(value, func(number protowire.Number, value []byte, v uint64) {
			switch number {
			case partialRejected:
				rejected = int64(v)
			case partialErrorMessage:
				why = string(value)
			}
		})
	})
	return max(rejected, 0), why
}

// fields calls f with the fields of a message that are bytes or varints.
func fields(message []byte, f func(number protowire.Number, value []byte, v uint64)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		var value []byte
		var v uint64
		switch kind {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return
		}
		f(number, value, v)
		message = message[n:]
	}
}

func (s *otlp) Tick(time.Time) error { return nil }

func (s *otlp) Close() error { return s.connection.Close() }

// rawCodec sends and receives messages that are encoded already.
type rawCodec struct{}

var _ encoding.Codec = rawCodec{}

var errNotRaw = errors.New("not an encoded message")

func (rawCodec) Marshal(v any) ([]byte, error) {
	if message, ok := v.(*[]byte); ok {
		return append([]byte(nil), *message...), nil // it may still be sent when a call has ended
	}
	return nil, errNotRaw
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	message, ok := v.(*[]byte)
	if !ok {
		return errNotRaw
	}
	*message = append([]byte(nil), data...) // gRPC uses its memory again
	return nil
}

// Name is that of the encoding on the wire.
func (rawCodec) Name() string { return "proto" }
