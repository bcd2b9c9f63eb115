// The theme: as the system has it, or as chosen here. The choice stays in this browser.
const themes = ["system", "light", "dark"];
const root = document.documentElement;

function read() {
  try {
    const kept = localStorage.getItem("aviary-theme");
    return themes.includes(kept) ? kept : "system";
  } catch {
    return "system"; // storage is switched off
  }
}

function show(theme) {
  if (theme === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme);
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    const text = `Theme: ${theme}`;
    button.hidden = false;
    button.title = text;
    button.querySelector(".hide").textContent = text;
  }
}

function next() {
  const theme = themes[(themes.indexOf(read()) + 1) % themes.length];
  try {
    localStorage.setItem("aviary-theme", theme);
  } catch {
    // then it lasts for this page only
  }
  show(theme);
}

show(read());
document.addEventListener("DOMContentLoaded", () => {
  show(read());
  for (const button of document.querySelectorAll("[data-theme-switch]")) button.addEventListener("click", next);
});
addEventListener("storage", () => show(read()));
