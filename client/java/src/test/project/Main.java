import io.github.consentd.client.Client;
import io.github.consentd.client.ConsentException;
import io.github.consentd.client.Requests;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.Decision;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.Reason;
import io.github.consentd.v1.ReasonCode;
import io.github.consentd.v1.StreamedResult;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;

/** Asks a server that is not there, and one that is in this program, over a stream and by itself. */
public final class Main extends DecisionServiceGrpc.DecisionServiceImplBase {
  private static final CheckRequest ASK = Requests.check("example", "user-42", "marketing_email").build();

  public static void main(String[] args) throws IOException {
    try (Client client = client("127.0.0.1:1")) {
      System.out.println(outcome(client) + " " + client.isAllowed(ASK));
    }
    Server server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(new Main()).build().start();
    try (Client client = client("127.0.0.1:" + server.getPort())) {
      System.out.println(outcome(client) + ", " + client.withMetadata(Map.of("x-request-id", "1")).check(ASK));
    }
    server.shutdownNow();
  }

  private static Client client(String target) {
    return Client.builder(target).timeout(Duration.ofSeconds(20)).build();
  }

  private static String outcome(Client client) {
    try {
      return client.check(ASK).toString();
    } catch (ConsentException e) {
      return e.code().toString();
    }
  }

  private static CheckResponse allow() {
    Reason reason = Reason.newBuilder().setCode(ReasonCode.REASON_CODE_BASIS_HOLDS).build();
    return CheckResponse.newBuilder().setDecision(Decision.DECISION_ALLOW).addReasons(reason).build();
  }

  @Override
  public void check(CheckRequest request, StreamObserver<CheckResponse> answer) {
    answer.onNext(allow());
    answer.onCompleted();
  }

  @Override
  public StreamObserver<CheckStreamRequest> checkStream(StreamObserver<CheckStreamResponse> answers) {
    return new StreamObserver<>() {
      @Override
      public void onNext(CheckStreamRequest message) {
        CheckStreamResponse.Builder answer = CheckStreamResponse.newBuilder();
        message
            .getChecksList()
            .forEach(c -> answer.addResults(StreamedResult.newBuilder().setId(c.getId()).setResponse(allow())));
        answers.onNext(answer.build());
      }

      @Override
      public void onError(Throwable e) {}

      @Override
      public void onCompleted() {
        answers.onError(Status.UNAVAILABLE.asException());
      }
    };
  }
}
