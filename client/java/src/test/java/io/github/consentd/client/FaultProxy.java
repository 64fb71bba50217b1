package io.github.consentd.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A TCP proxy to a server on this machine, with faults. */
final class FaultProxy implements AutoCloseable {
  final AtomicInteger accepted = new AtomicInteger();
  volatile boolean silent; // connections are accepted, and that is all
  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final List<Pipe> pipes = Collections.synchronizedList(new ArrayList<>());
  volatile int backend; // the port where connections go from now on

  FaultProxy(int backend) throws IOException {
    this.backend = backend;
    daemon(this::accept);
  }

  String target() {
    return "localhost:" + listener.getLocalPort();
  }

  /** What comes on the connections of now is acknowledged and goes nowhere. */
  void swallow() {
    synchronized (pipes) {
      pipes.forEach(p -> p.swallows = true);
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        boolean mute = silent; // as of before the test knows of it
        accepted.incrementAndGet();
        Socket server = mute ? null : new Socket(InetAddress.getLoopbackAddress(), backend);
        pipe(client, server);
        if (server != null) {
          pipe(server, client);
        }
      }
    } catch (IOException closed) {
      // The test is over.
    }
  }

  private void pipe(Socket from, Socket to) {
    Pipe pipe = new Pipe(from, to);
    pipes.add(pipe);
    daemon(pipe::run);
  }

  private static void daemon(Runnable work) {
    Thread thread = new Thread(work, "proxy");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    synchronized (pipes) {
      pipes.forEach(Pipe::close);
    }
  }

  private static final class Pipe {
    private final Socket from;
    private final Socket to; // null: nowhere
    private volatile boolean swallows;

    Pipe(Socket from, Socket to) {
      this.from = from;
      this.to = to;
    }

    void run() {
      byte[] some = new byte[16 << 10];
      try (InputStream in = from.getInputStream()) {
        OutputStream out = to == null ? OutputStream.nullOutputStream() : to.getOutputStream();
        for (int n = in.read(some); n >= 0; n = in.read(some)) {
          if (!swallows) {
            out.write(some, 0, n);
          }
        }
      } catch (IOException ended) {
        // As connections do.
      }
      if (to != null && !swallows) {
        close();
      }
    }

    void close() {
      for (Socket s : to == null ? List.of(from) : List.of(from, to)) {
        try {
          s.close();
        } catch (IOException e) {
          throw new java.io.UncheckedIOException(e);
        }
      }
    }
  }
}
