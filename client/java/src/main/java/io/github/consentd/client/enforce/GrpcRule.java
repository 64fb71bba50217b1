package io.github.consentd.client.enforce;

import com.google.protobuf.DescriptorProtos.MethodOptions;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.ExtensionRegistry;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.github.consentd.v1.MethodPurpose;
import io.github.consentd.v1.Options;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.util.ArrayList;
import java.util.List;

/**
 * What a gRPC method declares.
 *
 * @param purpose empty: it uses no subject's data
 * @param categories the data categories that it uses
 * @param path leads to the subject in a request, for people; empty: it is told by other means
 * @param field the same as fields
 * @param fault why it is always refused; null: it is not
 */
record GrpcRule(String purpose, List<String> categories, String path, List<FieldDescriptor> field, Status fault) {
  static final GrpcRule EXEMPT = new GrpcRule("", List.of(), "", List.of(), null);

  private static final ExtensionRegistry EXTENSIONS = ExtensionRegistry.newInstance();

  static {
    EXTENSIONS.add(Options.purpose);
  }

  static GrpcRule of(MethodDescriptor<?, ?> method) {
    String name = method.getFullMethodName();
    if (!(method.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier supplier)) {
      return refused(name + " is of no proto file: exempt its service if it needs no purpose");
    }
    var descriptor = supplier.getMethodDescriptor();
    MethodOptions options;
    try {
      options = MethodOptions.parseFrom(descriptor.getOptions().toByteString(), EXTENSIONS);
    } catch (InvalidProtocolBufferException e) {
      return refused(name + ": its options cannot be read");
    }
    if (!options.hasExtension(Options.purpose)) {
      return refused(name + " declares no purpose: set option (consent.v1.purpose), or exempt its service");
    }
    MethodPurpose declared = options.getExtension(Options.purpose);
    if (declared.getName().isEmpty()) {
      return EXEMPT; // it says that it uses no subject's data
    }
    String path = declared.getSubjectField();
    List<FieldDescriptor> field = path.isEmpty() ? List.of() : fields(descriptor.getInputType(), path);
    return field == null
        ? refused(name + ": subject_field " + path + " leads to no string field of " + descriptor.getInputType().getFullName())
        : new GrpcRule(declared.getName(), List.copyOf(declared.getDataCategoriesList()), path, field, null);
  }

  private static GrpcRule refused(String why) {
    return new GrpcRule("", List.of(), "", List.of(), Status.INTERNAL.withDescription(why));
  }

  /** The fields of a path that ends in a string; null where it leads to none. */
  private static List<FieldDescriptor> fields(Descriptor message, String path) {
    List<FieldDescriptor> fields = new ArrayList<>();
    Descriptor at = message;
    for (String name : path.split("\\.", -1)) {
      FieldDescriptor f = at == null ? null : at.findFieldByName(name);
      if (f == null || f.isRepeated()) {
        return null;
      }
      fields.add(f);
      at = f.getJavaType() == FieldDescriptor.JavaType.MESSAGE ? f.getMessageType() : null;
    }
    boolean text = fields.get(fields.size() - 1).getJavaType() == FieldDescriptor.JavaType.STRING;
    return text ? fields : null;
  }

  boolean namesSubject() {
    return !field.isEmpty();
  }

  /** The subject that a request names; empty: none. */
  String subject(Object request) {
    Object at = request;
    for (FieldDescriptor f : field) {
      if (!(at instanceof Message m)) {
        throw Status.INTERNAL.withDescription("the request is no protobuf message").asRuntimeException();
      }
      at = m.getField(f);
    }
    return (String) at;
  }
}
