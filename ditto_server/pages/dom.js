// Elements by their id, and made from parts.

export const at = (id) => document.getElementById(id);

export function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export const inWords = (name) => (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");
