// The list of commands that opens while "/" is being typed.

import { clear, el } from "./dom.js";

export class Completion {
  constructor(input, accept) {
    this.input = input;
    this.accept = accept;
    this.found = [];
    this.at = 0;
    this.root = el("div", {
      class: "completion",
      role: "listbox",
      id: "completion",
      "aria-label": "Commands",
      hidden: true,
    });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", "completion");
    this.close();
  }

  get isOpen() {
    return !this.root.hidden;
  }

  // Show what fits to the text before the first blank.
  update(commands) {
    const typed = /^\/([\w@]*)$/.exec(this.input.value);
    this.found = typed ? commands.filter(({ command }) => command.startsWith(typed[1].toLowerCase())) : [];
    this.at = 0;
    if (this.found.length) this.open();
    else this.close();
  }

  showAll(commands) {
    this.found = commands;
    this.at = 0;
    if (commands.length) this.open();
  }

  open() {
    clear(this.root).append(
      ...this.found.map(({ command, description }, index) =>
        el(
          "button",
          {
            type: "button",
            role: "option",
            tabindex: "-1",
            id: `command-${index}`,
            class: "option",
            on: { mousedown: (event) => event.preventDefault(), click: () => this.choose(index) },
          },
          el("span", { class: "option-command" }, `/${command}`),
          el("span", { class: "option-words", dir: "auto" }, description),
        ),
      ),
    );
    this.root.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark();
  }

  close() {
    this.root.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  mark() {
    [...this.root.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) option.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", `command-${this.at}`);
  }

  choose(index = this.at) {
    const { command } = this.found[index];
    this.close();
    this.accept(command);
  }

  // True when the key was meant for the list.
  steer(event) {
    if (!this.isOpen) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const isWhole = this.input.value === `/${this.found[this.at].command}`;
    if (step) {
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.mark();
    } else if (event.key === "Escape") this.close();
    else if (event.key === "Tab" || (event.key === "Enter" && !isWhole)) this.choose();
    else return false;
    event.preventDefault();
    return true;
  }
}
