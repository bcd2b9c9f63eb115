// What axe finds on this page, as a list of sentences.
const done = arguments[arguments.length - 1];
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const where = (node) => `${node.target.join(" ")} – ${node.failureSummary.replace(/\s+/g, " ")}`;
axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }).then(
  (result) => done(result.violations.flatMap((rule) => rule.nodes.slice(0, 3).map((node) => `${rule.id}: ${where(node)}`.slice(0, 400)))),
  (fault) => done([`broke: ${fault}`]),
);
