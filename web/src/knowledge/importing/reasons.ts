/** What the functions say is wrong, without the names that fields and formats have in them. */
export function inWords(message: string): string {
  const said = message
    .replace(/^`phone`/, "The number")
    .replace(/`(?:\w+\.)*(\w+)`/g, "$1")
    .replace("as E.164, with +", "with +");
  return said.slice(0, 1).toUpperCase() + said.slice(1);
}
