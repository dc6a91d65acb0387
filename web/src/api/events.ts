import type { LiveEvent } from "./types";
import { base } from "./client";

/** How the page hears what happens. `waiting`: no word yet; `lost`: it is being asked again. */
export type Connection = "waiting" | "live" | "lost";

type Message = { connection: Connection } | { event: LiveEvent };

/** Browsers open six connections to a host, so all tabs share one stream: the tab that holds the lock listens and tells
 * the others. When it is closed the lock goes to another tab. EventSource resumes by itself after what it heard last. */
export class EventHub {
  private readonly listeners = new Set<(event: LiveEvent) => void>();
  private readonly watchers = new Set<() => void>();
  private readonly channel: BroadcastChannel | undefined;
  private readonly stopped = new AbortController();
  private source: EventSource | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  connection: Connection = "waiting";

  constructor(private readonly project: string) {
    const name = `windrow-events-${project}`;
    if (typeof BroadcastChannel === "undefined" || !navigator.locks) {
      this.channel = undefined;
      this.listen();
      return;
    }
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (message: MessageEvent<Message | "who">) => {
      if (message.data === "who") {
        if (this.source) this.channel?.postMessage({ connection: this.connection } satisfies Message);
      } else {
        this.take(message.data);
      }
    };
    this.channel.postMessage("who");
    navigator.locks
      .request(name, { signal: this.stopped.signal }, () => {
        this.listen();
        return new Promise<void>((resolve) => this.stopped.signal.addEventListener("abort", () => resolve()));
      })
      .catch(() => undefined); // closed before its turn
  }

  private listen(): void {
    if (this.stopped.signal.aborted) return;
    const source = new EventSource(`${base}/events?project=${encodeURIComponent(this.project)}`);
    this.source = source;
    source.onopen = () => this.tell({ connection: "live" });
    source.onerror = () => {
      this.tell({ connection: "lost" });
      // A stream that was refused is not asked for again by the browser.
      if (source.readyState === EventSource.CLOSED && !this.stopped.signal.aborted) {
        clearTimeout(this.retry);
        this.retry = setTimeout(() => this.listen(), 3000);
      }
    };
    const hear = (message: MessageEvent<string>) => {
      try {
        this.tell({ event: JSON.parse(message.data) as LiveEvent });
      } catch {
        // Not one of ours.
      }
    };
    source.addEventListener("run", hear);
    source.addEventListener("server", hear);
    source.addEventListener("lost", () => this.tell({ event: { event: "lost" } }));
  }

  private tell(message: Message): void {
    this.channel?.postMessage(message);
    this.take(message);
  }

  private take(message: Message): void {
    if ("connection" in message) {
      if (this.connection === message.connection) return;
      this.connection = message.connection;
      for (const watcher of this.watchers) watcher();
    } else {
      for (const listener of this.listeners) listener(message.event);
    }
  }

  onEvent(listener: (event: LiveEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onConnection = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  close(): void {
    this.stopped.abort();
    clearTimeout(this.retry);
    this.source?.close();
    this.channel?.close();
  }
}
