// What the reader chose for this browser: light or dark, and whether it may make a sound.

const THEME_KEY = "opswire.theme";
const SOUND_KEY = "opswire.sound";
const THEMES = ["auto", "light", "dark"];
const NOTES_HZ = [659.3, 880];

export const theme = () =>
  THEMES.includes(localStorage.getItem(THEME_KEY)) ? localStorage.getItem(THEME_KEY) : "auto";

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

export function turnTheme() {
  localStorage.setItem(THEME_KEY, THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  applyTheme();
  return theme();
}

export const isSoundOn = () => localStorage.getItem(SOUND_KEY) === "on";

export function turnSound() {
  localStorage.setItem(SOUND_KEY, isSoundOn() ? "off" : "on");
  if (isSoundOn()) ring();
  return isSoundOn();
}

// Two soft notes, made here: no file to fetch.
export function ring() {
  if (!isSoundOn() || !window.AudioContext) return;
  const context = new AudioContext();
  NOTES_HZ.forEach((pitch, index) => {
    const start = context.currentTime + index * 0.13;
    const voice = context.createOscillator();
    const loudness = context.createGain();
    voice.frequency.value = pitch;
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime(0.06, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.5);
    voice.connect(loudness).connect(context.destination);
    voice.start(start);
    voice.stop(start + 0.55);
  });
  setTimeout(() => context.close(), 1200);
}
