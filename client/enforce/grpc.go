package enforce

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Unary enforces the purposes that methods declare, on calls with one request.
func (e *Enforcer) Unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := e.admit(ctx, info.FullMethod, request)
		if err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

// admit returns the context of a call that may run.
func (e *Enforcer) admit(ctx context.Context, method string, request any) (context.Context, error) {
	r, err := e.rule(method)
	if err != nil || r.purpose == "" {
		return ctx, err
	}
	subject, err := e.subject(ctx, r, request)
	if err != nil {
		return ctx, err
	}
	if ctx, err = e.allow(ctx, r.use(subject)); err != nil {
		return ctx, refusal(err)
	}
	return ctx, nil
}

// rule is what a method declares. It is immutable.
type rule struct {
	method, purpose string
	categories      []string
	// field leads to the subject in a request; empty: Config.GRPCSubject tells it. path is the same for people.
	field []protoreflect.FieldDescriptor
	path  string
	// input is what a request is.
	input protoreflect.MessageDescriptor
	// fault is why the method is always refused; nil: it is not.
	fault error
}

func (r *rule) use(subject string) use {
	return use{where: r.method, purpose: r.purpose, subject: subject, categories: r.categories}
}

// rules has what methods declare, by full name; it is filled as methods are called.
type rules struct{ byMethod sync.Map }

// rule finds what a method declares; the error refuses the call.
func (e *Enforcer) rule(method string) (*rule, error) {
	known, ok := e.rules.byMethod.Load(method)
	if !ok {
		r := e.declared(method)
		r.method = method
		known, _ = e.rules.byMethod.LoadOrStore(method, r)
	}
	r := known.(*rule)
	if r.fault != nil {
		e.count(r.use(""), Undeclared)
	}
	return r, r.fault
}

func (e *Enforcer) declared(method string) *rule {
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	if e.exempt[service] || strings.HasPrefix(service, "grpc.") {
		return &rule{}
	}
	named, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + name))
	descriptor, ok := named.(protoreflect.MethodDescriptor)
	if err != nil || !ok {
		return refused("%s is in no proto file that is linked in: list its service in Exempt if it needs no purpose", method)
	}
	declared, _ := proto.GetExtension(descriptor.Options(), consentv1.E_Purpose).(*consentv1.MethodPurpose)
	if declared == nil {
		return refused("%s declares no purpose: set option (consent.v1.purpose), or list its service in Exempt", method)
	}
	if declared.GetName() == "" {
		return &rule{} // it says that it uses no subject's data
	}
	r := &rule{purpose: declared.GetName(), categories: declared.GetDataCategories(), path: declared.GetSubjectField(),
		input: descriptor.Input()}
	if r.field, ok = fieldPath(descriptor.Input(), r.path); !ok {
		return refused("%s: subject_field %q leads to no string field of %s", method, r.path, descriptor.Input().FullName())
	}
	return r
}

func refused(format string, args ...any) *rule {
	return &rule{fault: status.Error(codes.Internal, fmt.Sprintf(format, args...))}
}

// fieldPath finds a string field by its path; the empty path leads nowhere, and that is fine.
func fieldPath(message protoreflect.MessageDescriptor, path string) (fields []protoreflect.FieldDescriptor, ok bool) {
	if path == "" {
		return nil, true
	}
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return nil, false
		}
		f := message.Fields().ByName(protoreflect.Name(name))
		if f == nil || f.Cardinality() == protoreflect.Repeated {
			return nil, false
		}
		fields, message = append(fields, f), f.Message()
	}
	return fields, fields[len(fields)-1].Kind() == protoreflect.StringKind
}

// subject tells who a call is about. The error refuses the call.
func (e *Enforcer) subject(ctx context.Context, r *rule, request any) (subject string, err error) {
	defer func() {
		if err != nil {
			e.count(r.use(""), Failed)
		}
	}()
	if r.field == nil {
		return e.knownSubject(ctx)
	}
	message, ok := request.(proto.Message)
	if !ok {
		return "", status.Error(codes.Internal, "the request is no protobuf message")
	}
	at := message.ProtoReflect()
	for _, f := range r.field[:len(r.field)-1] {
		at = at.Get(f).Message()
	}
	if subject = at.Get(r.field[len(r.field)-1]).String(); subject == "" {
		return "", status.Error(codes.InvalidArgument, r.path+": is required: it names the subject")
	}
	return subject, nil
}

func (e *Enforcer) knownSubject(ctx context.Context) (string, error) {
	if e.config.GRPCSubject == nil {
		return "", status.Error(codes.Internal, "the method names no subject_field and Config.GRPCSubject is not set")
	}
	subject, err := e.config.GRPCSubject(ctx)
	if _, isStatus := status.FromError(err); err != nil && isStatus {
		return "", err
	}
	if err != nil || subject == "" {
		return "", status.Error(codes.Unauthenticated, "who the data are about cannot be told")
	}
	return subject, nil
}
