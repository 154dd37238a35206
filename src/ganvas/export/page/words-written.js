const learnt = { en: { chat: "chats", latent: "texts", prompt: "texts" }, zh: { chat: "段对话", latent: "篇文本", prompt: "篇文本" } };

export const WORDS = {
  en: {
    prompt: "Prompt (may stay empty)", message: "Your message", write: "Write", send: "Send", stop: "Stop", again: "Again, otherwise",
    anew: "New chat", copy: "Copy", copied: "Copied.", chat: "Chat", settings: "Settings", you: "You", it: "Model",
    label: "Label", any: "any", length: "Characters at most", temperature: "Temperature", topP: "Top-p", topK: "Top-k", minP: "Min-p",
    truncation: "Truncation", more: "More", system: "Instructions", between: "From A to B", choose: "Choose A and B among the texts. On the way from z to z, ends included, each text is made of the most probable tokens.",
    hint: "Temperature 0 always takes the most probable token. Then these leave improbable ones out: min-p, top-k (0: none), top-p.",
    systemHint: "They stand before the first message; of use where the chats that it has learnt begin with such.",
    begin: "It replies as the chats that it has learnt, and knows nothing else.",
    pace: (count, rate) => `${count} tokens, ${rate} a second`,
    forgotten: (count, context) => `The model looks back ${context} tokens: the oldest ${count === 1 ? "message is" : `${count} messages are`} forgotten.`,
    end: (name, k) => `${name}: text ${k}`,
    about: f => `Recipe ${f.recipe}, ${f.running ? "learnt from" : `${f.items} ${learnt.en[f.does]} of`} “${f.data}”`,
    failed: "This cannot be written here: ",
  },
  zh: {
    prompt: "开头（可留空）", message: "你的消息", write: "写", send: "发送", stop: "停止", again: "换一种写法",
    anew: "新对话", copy: "复制", copied: "已复制。", chat: "对话", settings: "设置", you: "你", it: "模型",
    label: "标签", any: "任意", length: "最多字符数", temperature: "温度", topP: "Top-p", topK: "Top-k", minP: "Min-p",
    truncation: "截断", more: "更多", system: "指令", between: "从 A 到 B", choose: "在文本中选出 A 和 B。从 z 到 z 的途中（含两端），每篇都由最可能的词元写成。",
    hint: "温度为 0 时总取最可能的词元。其后依次略去不太可能的：min-p、top-k（0 为不限）、top-p。",
    systemHint: "置于第一条消息之前；若所学的对话以指令开头，则有用。",
    begin: "它只会照所学的对话来回答，别的一概不知。",
    pace: (count, rate) => `${count} 个词元，每秒 ${rate} 个`,
    forgotten: (count, context) => `模型只能回看 ${context} 个词元：最早的 ${count} 条消息已被忘记。`,
    end: (name, k) => `${name}：第 ${k} 篇`,
    about: f => `配方 ${f.recipe}，学自“${f.data}”${f.running ? "" : `的 ${f.items} ${learnt.zh[f.does]}`}`,
    failed: "此处无法写作：",
  },
};
