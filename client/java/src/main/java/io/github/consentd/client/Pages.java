package io.github.consentd.client;

import io.github.consentd.v1.LedgerEntry;
import io.github.consentd.v1.ListEventsRequest;
import io.github.consentd.v1.ListEventsResponse;
import io.grpc.Status;
import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Function;

/** Iterates over a ledger and reads a page when the one before has been consumed. For one thread. */
final class Pages implements Iterator<LedgerEntry> {
  private final Function<ListEventsRequest, ListEventsResponse> read;
  private ListEventsRequest next; // null: there is no further page
  private Iterator<LedgerEntry> page = Collections.emptyIterator();
  private boolean repeated; // whether the page just read names itself as the next

  Pages(ListEventsRequest first, Function<ListEventsRequest, ListEventsResponse> read) {
    this.next = first;
    this.read = read;
  }

  @Override
  public boolean hasNext() {
    while (!page.hasNext() && next != null) {
      if (repeated) {
        throw ConsentException.of(Status.Code.INTERNAL, "the server returned the same page token twice");
      }
      turn();
    }
    return page.hasNext();
  }

  @Override
  public LedgerEntry next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return page.next();
  }

  private void turn() {
    ListEventsResponse response = read.apply(next);
    String token = response.getNextPageToken();
    page = response.getEntriesList().iterator();
    if (token.isEmpty()) {
      next = null;
    } else {
      repeated = token.equals(next.getPageToken());
      next = next.toBuilder().setPageToken(token).build();
    }
  }
}
