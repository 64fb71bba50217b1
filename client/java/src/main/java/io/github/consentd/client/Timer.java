package io.github.consentd.client;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Time as this package needs it; tests have their own. */
interface Timer {
  /** A reading of a clock that only grows. */
  long nanoTime();

  /** Runs a task later, on a thread that it must not hold. */
  Future<?> schedule(Runnable task, long nanos);

  /** The system's. One thread for all clients of the process, which ends with it. */
  Timer SYSTEM =
      new Timer() {
        private final ScheduledThreadPoolExecutor thread = thread();

        @Override
        public long nanoTime() {
          return System.nanoTime();
        }

        @Override
        public Future<?> schedule(Runnable task, long nanos) {
          return thread.schedule(task, nanos, TimeUnit.NANOSECONDS);
        }

        private static ScheduledThreadPoolExecutor thread() {
          ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, Timer::daemon);
          executor.setRemoveOnCancelPolicy(true);
          executor.setKeepAliveTime(10, TimeUnit.SECONDS);
          executor.allowCoreThreadTimeOut(true); // nothing of a client that is gone stays
          return executor;
        }
      };

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "consentd-client-timer");
    thread.setDaemon(true);
    thread.setContextClassLoader(Timer.class.getClassLoader());
    return thread;
  }
}
