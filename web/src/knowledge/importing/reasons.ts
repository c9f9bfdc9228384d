/** What the functions say is wrong, without the names that fields have in them. */
export function inWords(message: string): string {
  const said = message.replace(/^`phone`/, "The number").replace(/`(?:\w+\.)*(\w+)`/g, "$1");
  return said.slice(0, 1).toUpperCase() + said.slice(1);
}
