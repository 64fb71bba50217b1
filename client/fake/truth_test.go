package fake_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/consentd/consentd/client/fake"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// likeTheServer are rules that decide as the shipped policies do, for those of whom the cases ask.
const likeTheServer = `
rules:
  - {controller: example, subject: known, purpose: service_delivery, decision: ALLOW, legal_basis: CONTRACT}
  - {controller: example, subject: known, purpose: sale_of_data, decision: DENY,
     reasons: [CONSENT_MISSING, RECIPIENT_NOT_PERMITTED]}
  - {controller: example, subject: known, decision: DENY, reasons: [CONSENT_MISSING]}
  - {controller: example, purpose: marketing_email, decision: DENY, reasons: [SUBJECT_UNKNOWN]}
`

// peer is a server that the cases are run against.
type peer struct {
	conn *grpc.ClientConn
	// token is the consistency token of its last write.
	token string
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{conn: conn}
}

// lastToken stands in a case for the token of the last write.
const lastToken = "LAST"

// outcome is what a peer answered, without what no two servers have in common.
type outcome struct {
	Status proto.Message
	Answer proto.Message
}

// play makes the call of a case.
func (p *peer) play(t *testing.T, c truth) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request := proto.Clone(c.request)
	each(request.ProtoReflect(), func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
		if f.Name() == "at_least_as_fresh" && m.Get(f).String() == lastToken {
			m.Set(f, protoreflect.ValueOfString(p.token))
		}
	})
	method := descriptor(t, c.method)
	answer := newOutput(t, method)
	var err error
	switch {
	case c.raw != nil:
		err = p.conn.Invoke(ctx, c.method, c.raw, answer, grpc.ForceCodecV2(rawCodec{}))
	case method.IsStreamingClient() || method.IsStreamingServer():
		err = p.stream(ctx, c.method, request, answer)
	default:
		err = p.conn.Invoke(ctx, c.method, request, answer)
	}
	if err != nil {
		return outcome{Status: status.Convert(err).Proto()}
	}
	if written, ok := answer.(interface{ GetConsistencyToken() string }); ok {
		p.token = written.GetConsistencyToken()
	}
	hide(answer)
	return outcome{Answer: answer}
}

// stream sends one message and returns the first that comes back.
func (p *peer) stream(ctx context.Context, method string, request, answer proto.Message) error {
	s, err := p.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	if err := s.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return s.RecvMsg(answer)
}

func descriptor(t *testing.T, method string) protoreflect.MethodDescriptor {
	t.Helper()
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return d.(protoreflect.MethodDescriptor)
}

func newOutput(t *testing.T, method protoreflect.MethodDescriptor) proto.Message {
	t.Helper()
	out, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		t.Fatal(err)
	}
	return out.New().Interface()
}

// each calls f with each field that is set, at any depth.
func each(m protoreflect.Message, f func(protoreflect.Message, protoreflect.FieldDescriptor)) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				each(v.List().Get(i).Message(), f)
			}
		case field.Message() != nil:
			each(v.Message(), f)
		}
		f(m, field)
		return true
	})
}

// own are the fields that each server has values of its own of. Where one is set, it is set to the same in both, so
// that what is missing shows.
var own = map[protoreflect.Name]bool{
	"consistency_token": true, "policy_revision": true, "decision_id": true, "revision": true, "clause": true, "decided_for": true,
	"recorded_at": true, "store_id": true, "key": true, "in_force_from": true, "known_at": true, "at": true, "position": true,
	"slot_key": true, "checksum": true,
}

func hide(m proto.Message) {
	each(m.ProtoReflect(), func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
		switch {
		case !own[f.Name()] || f.IsList():
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString("its own"))
		case f.Kind() == protoreflect.BytesKind:
			m.Set(f, protoreflect.ValueOfBytes([]byte("its own")))
		case f.Kind() == protoreflect.Fixed32Kind:
			m.Set(f, protoreflect.ValueOfUint32(1))
		case f.Kind() == protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64(1))
		case f.Message() != nil:
			m.Set(f, protoreflect.ValueOfMessage(m.NewField(f).Message()))
		}
	})
}

// difference is how two outcomes differ in what programs see of them. What a story tells is the policies' own.
func difference(c truth, server, fake outcome) string {
	for _, o := range []*outcome{&server, &fake} {
		if story, ok := o.Answer.(*consentv1.ExplainResponse); ok {
			story.Facts, story.Rules, story.NearRules, story.Changes, story.Annulled = nil, nil, nil, nil, nil
			story.AnnulledCount, story.Validity = 0, nil
		}
		if c.kept != nil && o.Answer != nil {
			c.kept(o.Answer)
		}
	}
	return cmp.Diff(server, fake, protocmp.Transform())
}

func start(t *testing.T, rules string) *fake.Server {
	t.Helper()
	f, err := fake.Start(fake.Config{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestTheFakeAnswersAsTheServerDoes plays one script against both.
func TestTheFakeAnswersAsTheServerDoes(t *testing.T) {
	server := dial(t, servertest.Start(t, servertest.Options{}).Addr)
	f := start(t, likeTheServer)
	double := dial(t, f.Addr())
	kinds := map[string]bool{}
	for _, c := range truths() {
		t.Run(c.name, func(t *testing.T) {
			real, faked := server.play(t, c), double.play(t, c)
			if diff := difference(c, real, faked); diff != "" {
				t.Errorf("the fake is not like the server (-server +fake):\n%s", diff)
			}
			if code := c.code(real); code != c.want {
				t.Errorf("the server answers %s, the case is for %s: %v", code, c.want, real.Status)
			}
			kinds[c.want] = true
		})
	}
	if len(truths()) < 60 || len(kinds) < 5 {
		t.Errorf("%d cases of %d codes: the script says little", len(truths()), len(kinds))
	}
	// Another rule is another answer, and shows.
	if err := f.SetRules(t.Context(), strings.ReplaceAll(likeTheServer, "SUBJECT_UNKNOWN", "OBJECTED")); err != nil {
		t.Fatal(err)
	}
	c := truths()[1]
	if difference(c, server.play(t, c), double.play(t, c)) == "" {
		t.Error("a fake that answers otherwise passes for the server")
	}
}

// TestWhatNeedsPoliciesIsUnimplemented and says so by its name.
func TestWhatNeedsPoliciesIsUnimplemented(t *testing.T) {
	p := dial(t, start(t, "").Addr())
	for method, request := range map[string]proto.Message{
		consentv1.PolicyService_ActivatePolicy_FullMethodName: &consentv1.ActivatePolicyRequest{},
		consentv1.PolicyService_CheckPolicy_FullMethodName:    &consentv1.CheckPolicyRequest{},
		consentv1.PolicyService_DiffPolicy_FullMethodName:     &consentv1.DiffPolicyRequest{},
		consentv1.AdminService_Backup_FullMethodName:          &consentv1.BackupRequest{},
		consentv1.AdminService_GetUsage_FullMethodName:        &consentv1.GetUsageRequest{},
		consentv1.AdminService_ListNodes_FullMethodName:       &consentv1.ListNodesRequest{},
	} {
		got := p.play(t, truth{method: method, request: request})
		if text := prototextOf(got.Status); !strings.Contains(text, method) || !strings.Contains(text, "code:12") {
			t.Errorf("%s: %s", method, text)
		}
	}
}
