// What the page says, in two languages.

const WORDS = {
  en: {
    other: "中文", model: "Model", views: "Views", pictures: "Samples", texts: "Text", chat: "Chat", about: "About", key: "API key",
    enter: "Enter", seed: "Seed", again: "New ones", label: "Class", all: "all", truncation: "Truncation", saveAll: "Save all as PNG",
    samples: "Samples", choose: "Choose one to change it.", chosen: "The chosen one", item: "Sample", alike: "More like this",
    reset: "As it was", save: "Save as PNG", between: "From A to B", from: "This is A", to: "This is B", directions: "Directions",
    directionsHint: "Ways through z that change much (SeFa).", latents: "Its numbers z", order: "Those that change most come first.",
    more: "The others", ownOne: "A picture of your own", prompt: "It begins with", tokens: "Tokens at most", temperature: "Temperature",
    write: "Write", stop: "Stop", message: "Message", send: "Send", forget: "Begin anew", evaluation: "Evaluation", diary: "Diary",
    report: "Report", openReport: "Show the report", recipe: "Recipe", data: "Data", step: "Step", weights: "Weights", shape: "Shape",
    classes: "Classes", numbers: "Numbers of z", figure: "Figure", value: "Value", interval: "Interval", speech: "Speech", spoken: "What is to be said",
    voice: "Voice", speed: "Speed", variation: "Variation", speak: "Speak", saveSound: "Save as WAV", wave: "Waveform", working: "Loading…",
    noEvaluation: "Not evaluated yet: ganvas evaluate does it.", noDiary: "Nothing was noted.", failed: "This did not work: ",
  },
  zh: {
    other: "English", model: "模型", views: "视图", pictures: "样本", texts: "文本", chat: "对话", about: "关于", key: "API 密钥",
    enter: "确定", seed: "种子", again: "换一批", label: "类别", all: "全部", truncation: "截断", saveAll: "全部存为 PNG",
    samples: "样本", choose: "选一个，再调整它。", chosen: "选中的样本", item: "样本", alike: "更多类似的",
    reset: "恢复原样", save: "存为 PNG", between: "从 A 到 B", from: "设为 A", to: "设为 B", directions: "方向",
    directionsHint: "z 中变化显著的方向（SeFa）。", latents: "它的数值 z", order: "影响最大的排在最前。",
    more: "其余数值", ownOne: "你自己的图片", prompt: "开头", tokens: "最多词元数", temperature: "温度",
    write: "续写", stop: "停止", message: "消息", send: "发送", forget: "重新开始", evaluation: "评估", diary: "训练日记",
    report: "报告", openReport: "显示报告", recipe: "配方", data: "数据", step: "步数", weights: "权重数", shape: "形状",
    classes: "类别", numbers: "z 的维数", figure: "指标", value: "数值", interval: "区间", speech: "语音", spoken: "要说的话",
    voice: "声音", speed: "语速", variation: "变化", speak: "朗读", saveSound: "存为 WAV", wave: "波形", working: "载入中…",
    noEvaluation: "尚未评估：请运行 ganvas evaluate。", noDiary: "没有记录。", failed: "未能完成：",
  },
};

let spoken = navigator.language.startsWith("zh") ? "zh" : "en";

export const word = name => WORDS[spoken][name];
export const language = () => spoken;

export function speak() {
  document.documentElement.lang = spoken;
  document.querySelectorAll("[data-text]").forEach(node => { node.textContent = word(node.dataset.text); });
  document.querySelectorAll("[data-label]").forEach(node => node.setAttribute("aria-label", word(node.dataset.label)));
  document.getElementById("language").textContent = word("other");
  const [all] = document.getElementById("label").options;
  if (all) all.textContent = word("all");
}

export function turn() {
  spoken = spoken === "en" ? "zh" : "en";
  speak();
}
