// One picture in the page's own colours, which follow the theme. The app's renderer wrote it and escaped its text.

export default function ({ data, parentElement }) {
  let root = parentElement.querySelector(".xc-picture");
  if (!root) {
    root = document.createElement("div");
    root.className = "xc-picture";
    parentElement.append(root);
  }
  if (root.drawn !== data.svg) {
    root.drawn = data.svg;
    root.innerHTML = data.svg;
  }
}
