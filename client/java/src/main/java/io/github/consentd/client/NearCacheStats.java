package io.github.consentd.client;

/**
 * What became of checks since a client was made; each request of a batch is one. All zero without a near cache.
 *
 * @param hits those that were answered within this process
 * @param misses those that the server had to answer while a stream of invalidations was there
 * @param streams how many streams of invalidations there have been
 * @param leased whether checks can be answered within this process at the moment
 */
public record NearCacheStats(long hits, long misses, long streams, boolean leased) {
  static final NearCacheStats NONE = new NearCacheStats(0, 0, 0, false);
}
