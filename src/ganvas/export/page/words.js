export const WORDS = {
  en: {
    again: "New ones", label: "Class", all: "all", truncation: "Truncation",
    samples: "Samples", choose: "Choose one to change it.", chosen: "The chosen one", before: "Previous",
    after: "Next", reset: "As it was", save: "Save as PNG", saveAll: "Save all as PNG", between: "From A to B",
    from: "This is A", to: "This is B", latents: "Its numbers z",
    order: "Those that change most come first.", more: "The others", item: "Sample",
    about: f => `Recipe ${f.recipe}, ${f.items} ${f.kind === "image" ? "pictures" : "points"} of “${f.data}”`,
    failed: "This cannot be shown here: ",
  },
  zh: {
    again: "换一批", label: "类别", all: "全部", truncation: "截断",
    samples: "样本", choose: "选一个，再调整它。", chosen: "选中的样本", before: "上一个", after: "下一个",
    reset: "恢复原样", save: "存为 PNG", saveAll: "全部存为 PNG", between: "从 A 到 B", from: "设为 A",
    to: "设为 B", latents: "它的数值 z", order: "影响最大的排在最前。", more: "其余数值", item: "样本",
    about: f => `配方 ${f.recipe}，学自“${f.data}”的 ${f.items} ${f.kind === "image" ? "张图片" : "个点"}`,
    failed: "此处无法显示：",
  },
};
