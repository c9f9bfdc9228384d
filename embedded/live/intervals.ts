/**
 * Intervals of keys, searched by "which of them hold this key?" in time that grows with the answer and the logarithm
 * of their number: a treap ordered by lower bound, each node knowing the highest upper bound below it.
 */
type Node<T> = {
  lo: string;
  hi: string;
  value: T;
  priority: number;
  highest: string;
  left: Node<T> | null;
  right: Node<T> | null;
};

export type Handle<T> = Node<T>;

function update<T>(node: Node<T>): Node<T> {
  let highest = node.hi;
  if (node.left && node.left.highest > highest) highest = node.left.highest;
  if (node.right && node.right.highest > highest) highest = node.right.highest;
  node.highest = highest;
  return node;
}

function merge<T>(a: Node<T> | null, b: Node<T> | null): Node<T> | null {
  if (!a || !b) return a ?? b;
  if (a.priority > b.priority) {
    a.right = merge(a.right, b);
    return update(a);
  }
  b.left = merge(a, b.left);
  return update(b);
}

/** Nodes with a lower bound below `lo`, and the others. */
function split<T>(node: Node<T> | null, lo: string): [Node<T> | null, Node<T> | null] {
  if (!node) return [null, null];
  if (node.lo < lo) {
    const [middle, right] = split(node.right, lo);
    node.right = middle;
    return [update(node), right];
  }
  const [left, middle] = split(node.left, lo);
  node.left = middle;
  return [left, update(node)];
}

export class IntervalSet<T> {
  private root: Node<T> | null = null;
  size = 0;

  /** Adds the keys k with lo <= k < hi. */
  add(lo: string, hi: string, value: T): Handle<T> {
    const node: Node<T> = { lo, hi, value, priority: Math.random(), highest: hi, left: null, right: null };
    const [left, right] = split(this.root, lo);
    this.root = merge(merge(left, node), right);
    this.size += 1;
    return node;
  }

  remove(handle: Handle<T>): void {
    const path: Node<T>[] = [];
    if (!this.locate(this.root, handle, path)) return;
    const replacement = merge(handle.left, handle.right);
    const parent = path.at(-1);
    if (!parent) this.root = replacement;
    else if (parent.left === handle) parent.left = replacement;
    else parent.right = replacement;
    for (const node of path.reverse()) update(node);
    this.size -= 1;
  }

  /** Finds the way to a node; nodes with equal lower bounds may lie on either side. */
  private locate(node: Node<T> | null, handle: Handle<T>, path: Node<T>[]): boolean {
    if (!node) return false;
    if (node === handle) return true;
    path.push(node);
    if (handle.lo <= node.lo && node.priority >= handle.priority && this.locate(node.left, handle, path))
      return true;
    if (handle.lo >= node.lo && node.priority >= handle.priority && this.locate(node.right, handle, path))
      return true;
    path.pop();
    return false;
  }

  /** Calls `found` with the value of each interval that holds the key. */
  stab(key: string, found: (value: T) => void): void {
    const visit = (node: Node<T> | null): void => {
      if (!node || node.highest <= key) return;
      visit(node.left);
      if (node.lo > key) return;
      if (key < node.hi) found(node.value);
      visit(node.right);
    };
    visit(this.root);
  }
}
