import io.github.consentd.client.Checker;
import io.github.consentd.client.Client;
import io.github.consentd.client.Decision;
import io.github.consentd.client.EnumNames;
import io.github.consentd.client.Requests;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Obligation;
import io.github.consentd.v1.Recipient;
import io.github.consentd.v1.RecipientKind;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Prints the rows of a member list that an affiliate may have, with the columns that it may have of each, and with nothing in
 * the place of the others.
 *
 * <pre>AffiliateExporter SERVER AFFILIATE COUNTRY &lt; members.csv</pre>
 *
 * <p>The list is CSV without quotes. Its first column is the member's id, the others are named by their data category.
 */
public final class AffiliateExporter {
  private static final String CONTROLLER = "jasminai";
  private static final String PURPOSE = "affiliate_sharing";

  private final Checker consent;
  private final Recipient affiliate;

  private AffiliateExporter(Checker consent, Recipient affiliate) {
    this.consent = consent;
    this.affiliate = affiliate;
  }

  public static void main(String[] args) throws IOException {
    if (args.length != 3) {
      System.err.println("usage: AffiliateExporter SERVER AFFILIATE COUNTRY < members.csv");
      System.exit(2);
    }
    Recipient affiliate =
        Recipient.newBuilder().setKind(RecipientKind.RECIPIENT_KIND_AFFILIATE).setId(args[1]).setCountry(args[2]).build();
    try (Client client = Client.builder(args[0]).timeout(Duration.ofSeconds(10)).build()) { // nobody waits for an export
      new AffiliateExporter(client, affiliate).export(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
    }
  }

  private void export(BufferedReader members) throws IOException {
    String header = members.readLine();
    System.out.println(header);
    List<String> columns = List.of(header.split(","));
    for (String line = members.readLine(); line != null; line = members.readLine()) {
      List<String> row = List.of(line.split(",", -1));
      List<String> permitted = permitted(row.get(0), columns.subList(1, columns.size()));
      if (!permitted.isEmpty()) {
        System.out.println(redacted(row, columns, permitted));
      }
    }
  }

  /** The categories of the member's data that may go to the affiliate; none where the sharing itself is denied. */
  private List<String> permitted(String member, List<String> categories) {
    Decision all = consent.check(question(member, categories));
    if (isFree(all)) {
      return categories;
    }
    List<String> rest = all.permittedDataCategories();
    // What is permitted of a denied request is a proposal: only an ALLOW for exactly these allows them.
    return !rest.isEmpty() && isFree(consent.check(question(member, rest))) ? rest : List.of();
  }

  private CheckRequest question(String member, List<String> categories) {
    return Requests.check(CONTROLLER, member, PURPOSE).addAllDataCategories(categories).setRecipient(affiliate).build();
  }

  /** Whether the decision allows without asking for anything that an export to a file cannot see to. */
  private static boolean isFree(Decision decision) {
    for (Obligation o : decision.obligations()) {
      System.err.println("unmet obligation " + EnumNames.of(o.getCode(), o.getCodeValue()) + " of " + decision.id());
    }
    return decision.allowed() && decision.obligations().isEmpty();
  }

  private static String redacted(List<String> row, List<String> columns, List<String> permitted) {
    List<String> kept = new ArrayList<>(List.of(row.get(0)));
    for (int i = 1; i < columns.size(); i++) {
      kept.add(permitted.contains(columns.get(i)) ? row.get(i) : "");
    }
    return String.join(",", kept);
  }
}
