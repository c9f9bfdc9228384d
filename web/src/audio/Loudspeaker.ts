/** Plays what a connection brings. Browsers may want a click first. */
export class Loudspeaker {
  private readonly element = new Audio();

  /** False: the browser wants a click first; then call `resume` in it. */
  async play(sound: MediaStream): Promise<boolean> {
    this.element.srcObject = sound;
    return this.resume();
  }

  async resume(): Promise<boolean> {
    try {
      await this.element.play();
      return true;
    } catch (error) {
      // A play that was overtaken by a stop is no refusal.
      return error instanceof DOMException && error.name === "AbortError";
    }
  }

  stop(): void {
    this.element.pause();
    this.element.srcObject = null;
  }
}
