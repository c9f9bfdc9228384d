import { useEffect, useRef } from "react";
import { cn } from "../ui/cn";

const BARS = 5;
/** Decibels of full scale: below the first there is only noise, the second is a loud voice. */
const QUIETEST_DB = -55;
const LOUDEST_DB = -15;
/** Of the distance to the new level, in each picture: up quickly, down slowly, as meters do. */
const RISE = 0.5;
const FALL = 0.12;

/** How loud it is, for the eye only: what matters is also said in words. */
export function LevelMeter({ sound, className }: { sound: MediaStream | null; className?: string }) {
  const bars = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (sound === null || sound.getAudioTracks().length === 0) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(sound).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    let picture = requestAnimationFrame(function draw() {
      analyser.getFloatTimeDomainData(samples);
      const level = share(samples);
      shown += (level - shown) * (level > shown ? RISE : FALL);
      for (const [index, bar] of [...(bars.current?.children ?? [])].entries()) {
        const height = Math.min(1, Math.max(0.15, shown * (1 + 0.25 * Math.sin(index * 2.1))));
        (bar as HTMLElement).style.scale = `1 ${height.toFixed(2)}`;
      }
      picture = requestAnimationFrame(draw);
    });
    return () => {
      cancelAnimationFrame(picture);
      void context.close();
    };
  }, [sound]);
  return (
    <div ref={bars} aria-hidden className={cn("flex h-5 items-center gap-0.5", className)}>
      {Array.from({ length: BARS }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change places
        <span key={index} className="h-full w-1 scale-y-15 rounded-full bg-current" />
      ))}
    </div>
  );
}

/** From silence, 0, to a loud voice, 1. */
function share(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const decibels = 10 * Math.log10(power + 1e-12);
  return Math.min(1, Math.max(0, (decibels - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}
