// Pages that nobody is signed in on: the theme that was last chosen in this browser.
try {
  document.documentElement.dataset.theme = localStorage.getItem("aviary-theme") ?? "system";
} catch {
  // storage is switched off: as the system has it
}
