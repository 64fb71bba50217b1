package enforce_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/enforce"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// checker allows the subject "yes", fails for "down", and denies all others; it remembers what was asked.
type checker struct{ asked []*consentv1.CheckRequest }

func (c *checker) Check(_ context.Context, r *consentv1.CheckRequest) (client.Decision, error) {
	c.asked = append(c.asked, r)
	switch r.GetSubjectId() {
	case "yes":
		return client.Decision{Allowed: true, ID: "d1", Obligations: []*consentv1.Obligation{{}}}, nil
	case "down":
		return client.Decision{}, status.Error(codes.DeadlineExceeded, "slow")
	}
	return client.Decision{Reasons: []*consentv1.Reason{{Code: consentv1.ReasonCode_REASON_CODE_CONSENT_WITHDRAWN}}}, nil
}

// enforcer counts outcomes as "where purpose outcome".
func enforcer(t *testing.T, change func(*enforce.Config)) (*enforce.Enforcer, *checker, *[]string) {
	t.Helper()
	c, seen := &checker{}, &[]string{}
	config := enforce.Config{
		Checker: c, Controller: "example",
		HTTPSubject: func(r *http.Request) (string, error) {
			if user := r.Header.Get("User"); user != "nobody" {
				return user, nil
			}
			return "", errors.New("not logged in")
		},
		Observe: func(e enforce.Event) { *seen = append(*seen, e.Where+" "+e.Purpose+" "+string(e.Outcome)) },
	}
	if change != nil {
		change(&config)
	}
	e, err := enforce.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e, c, seen
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	if _, err := enforce.New(enforce.Config{}); err == nil || !strings.Contains(err.Error(), "Checker") ||
		!strings.Contains(err.Error(), "Controller") {
		t.Errorf("New = %v", err)
	}
}

func TestHTTPRunsOnlyWhatIsAllowed(t *testing.T) {
	for user, want := range map[string]struct {
		code    int
		outcome enforce.Outcome
	}{
		"yes": {200, enforce.Allowed}, "no": {403, enforce.Denied}, "down": {503, enforce.Failed},
		"nobody": {401, enforce.Failed}, "": {401, enforce.Failed},
	} {
		t.Run(user, func(t *testing.T) {
			e, c, seen := enforcer(t, nil)
			ran := false
			mux := http.NewServeMux()
			mux.Handle("POST /newsletter", e.HTTP("marketing_email", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				ran = enforce.Decision(r.Context()).ID == "d1" && len(enforce.Obligations(r.Context())) == 1
			}), "user.contact.email"))
			r, w := httptest.NewRequest(http.MethodPost, "/newsletter", nil), httptest.NewRecorder()
			r.Header.Set("User", user)
			mux.ServeHTTP(w, r)
			if w.Code != want.code || ran != (want.code == 200) {
				t.Errorf("answered %d %s, ran %v; want %d", w.Code, w.Body, ran, want.code)
			}
			if want := "POST /newsletter marketing_email " + string(want.outcome); len(*seen) != 1 || (*seen)[0] != want {
				t.Errorf("counted %v, want %s", *seen, want)
			}
			if len(c.asked) == 1 && (c.asked[0].GetController() != "example" || c.asked[0].GetDataCategories()[0] != "user.contact.email") {
				t.Errorf("asked %v", c.asked)
			}
		})
	}
}

// declare registers a service whose methods declare these purposes; nil declares none.
func declare(t *testing.T, name string, methods map[string]*consentv1.MethodPurpose) protoreflect.MessageDescriptor {
	t.Helper()
	text := func(name string, number int32) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	user := &descriptorpb.FieldDescriptorProto{
		Name: proto.String("user"), Number: proto.Int32(2), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(),
		TypeName: proto.String("." + name + ".User"), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String(name + ".proto"), Package: proto.String(name), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("User"), Field: []*descriptorpb.FieldDescriptorProto{text("id", 1)}},
			{Name: proto.String("Request"), Field: []*descriptorpb.FieldDescriptorProto{text("user_id", 1), user}},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Mail")}},
	}
	for method, purpose := range methods {
		m := &descriptorpb.MethodDescriptorProto{
			Name: proto.String(method), InputType: proto.String("." + name + ".Request"), OutputType: proto.String("." + name + ".Request"),
		}
		if purpose != nil {
			m.Options = &descriptorpb.MethodOptions{}
			proto.SetExtension(m.Options, consentv1.E_Purpose, purpose)
		}
		file.Service[0].Method = append(file.Service[0].Method, m)
	}
	descriptor, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	if err := protoregistry.GlobalFiles.RegisterFile(descriptor); err != nil {
		t.Fatal(err)
	}
	return descriptor.Messages().ByName("Request")
}

var methods = map[string]*consentv1.MethodPurpose{
	"Send":    {Name: "marketing_email", SubjectField: "user_id", DataCategories: []string{"user.contact.email"}},
	"Nested":  {Name: "marketing_email", SubjectField: "user.id"},
	"Known":   {Name: "marketing_email"},
	"None":    {},
	"Wrong":   {Name: "marketing_email", SubjectField: "user"},
	"Missing": {Name: "marketing_email", SubjectField: "user.name"},
	"Silent":  nil,
}

func request(descriptor protoreflect.MessageDescriptor, user, nested string) proto.Message {
	m := dynamicpb.NewMessage(descriptor)
	m.Set(descriptor.Fields().ByName("user_id"), protoreflect.ValueOfString(user))
	if nested != "" {
		f := descriptor.Fields().ByName("user")
		inner := m.Mutable(f).Message()
		inner.Set(f.Message().Fields().ByName("id"), protoreflect.ValueOfString(nested))
	}
	return m
}

func TestMethodsRunOnlyWhereTheirPurposeIsAllowed(t *testing.T) {
	descriptor := declare(t, "unary", methods)
	type key struct{}
	subject := func(ctx context.Context) (string, error) { s, _ := ctx.Value(key{}).(string); return s, nil }
	for name, test := range map[string]struct {
		method, user, nested, known string
		code                        codes.Code
		counted                     string
	}{
		"allowed":          {"/unary.Mail/Send", "yes", "", "", codes.OK, "marketing_email allowed"},
		"denied":           {"/unary.Mail/Send", "no", "", "", codes.PermissionDenied, "marketing_email denied"},
		"no decision":      {"/unary.Mail/Send", "down", "", "", codes.Unavailable, "marketing_email failed"},
		"no subject":       {"/unary.Mail/Send", "", "yes", "yes", codes.InvalidArgument, "marketing_email failed"},
		"nested":           {"/unary.Mail/Nested", "no", "yes", "", codes.OK, "marketing_email allowed"},
		"nested, absent":   {"/unary.Mail/Nested", "yes", "", "", codes.InvalidArgument, "marketing_email failed"},
		"from the context": {"/unary.Mail/Known", "", "", "yes", codes.OK, "marketing_email allowed"},
		"not in it":        {"/unary.Mail/Known", "yes", "", "", codes.Unauthenticated, "marketing_email failed"},
		"needs none":       {"/unary.Mail/None", "no", "", "", codes.OK, ""},
		"no string":        {"/unary.Mail/Wrong", "yes", "", "", codes.Internal, " undeclared"},
		"no such field":    {"/unary.Mail/Missing", "yes", "", "", codes.Internal, " undeclared"},
		"declares nothing": {"/unary.Mail/Silent", "yes", "", "", codes.Internal, " undeclared"},
		"unknown":          {"/unary.Other/Send", "yes", "", "", codes.Internal, " undeclared"},
		"exempt":           {"/exempt.Mail/Send", "no", "", "", codes.OK, ""},
		"gRPC's own":       {"/grpc.health.v1.Health/Check", "no", "", "", codes.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, _, seen := enforcer(t, func(c *enforce.Config) { c.GRPCSubject, c.Exempt = subject, []string{"exempt.Mail"} })
			ctx := context.WithValue(t.Context(), key{}, test.known)
			ran := false
			for range 2 { // what a method declares is remembered
				ran = false
				_, err := e.Unary()(ctx, request(descriptor, test.user, test.nested), &grpc.UnaryServerInfo{FullMethod: test.method},
					func(ctx context.Context, _ any) (any, error) {
						ran = strings.HasSuffix(test.counted, " allowed") == enforce.Decision(ctx).Allowed
						return nil, nil
					})
				if status.Code(err) != test.code || ran != (test.code == codes.OK) {
					t.Errorf("ran %v, %v; want %v", ran, err, test.code)
				}
			}
			want := strings.Repeat(test.method+" "+test.counted+"\n", 2)
			if test.counted == "" {
				want = ""
			}
			if got := strings.Join(append(*seen, ""), "\n"); got != want {
				t.Errorf("counted:\n%swant:\n%s", got, want)
			}
		})
	}
}
