import io.github.consentd.client.Client;
import io.github.consentd.client.ConsentException;
import io.github.consentd.client.Requests;
import io.github.consentd.v1.CheckRequest;
import java.time.Duration;

/** Asks a server that is not there. */
public final class Main {
  public static void main(String[] args) {
    CheckRequest request = Requests.check("example", "user-42", "marketing_email").build();
    try (Client client = Client.builder("127.0.0.1:1").timeout(Duration.ofSeconds(10)).build()) {
      System.out.println(outcome(client, request) + " " + client.isAllowed(request));
    }
  }

  private static String outcome(Client client, CheckRequest request) {
    try {
      return client.check(request).toString();
    } catch (ConsentException e) {
      return e.code().toString();
    }
  }
}
