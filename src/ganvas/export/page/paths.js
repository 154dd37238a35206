// Along the great circle, while the length changes evenly (Shoemake 1985, White 2016).
export function spherical(a, b, t) {
  const size = v => Math.hypot(...v) || 1e-12, [p, q] = [size(a), size(b)];
  const dot = a.reduce((sum, value, k) => sum + value * b[k], 0) / (p * q);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot))), sine = Math.sin(angle), length = p + t * (q - p);
  if (Math.abs(sine) < 1e-4) return a.map((value, k) => value + t * (b[k] - value));
  const [u, v] = [Math.sin((1 - t) * angle) / sine / p, Math.sin(t * angle) / sine / q];
  return a.map((value, k) => length * (u * value + v * b[k]));
}
