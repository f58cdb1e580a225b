"""Content-free words that stand where an explanation would: they fit every decision alike.

Source: Langer et al. 1978, J. Pers. Soc. Psychol. 36(6), who named them; Eiband et al. 2019, CHI
Extended Abstracts, who found that they can raise trust as much as explanations do.
"""

# By the kind of an artifact. They must stay true of every model and name nothing that it saw.
WORDS = {
    "image": {
        "en": "The model looked at the picture and combined what it saw into this answer.",
        "de": "Das Modell hat das Bild betrachtet und das Gesehene zu dieser Antwort verbunden.",
        "es": "El modelo miró la imagen y combinó lo que vio para dar esta respuesta.",
        "zh": "模型查看了这张图片，并综合所看到的内容得出了这个答案。",
    },
    "text": {
        "en": "The model read the text and combined what it read into this answer.",
        "de": "Das Modell hat den Text gelesen und das Gelesene zu dieser Antwort verbunden.",
        "es": "El modelo leyó el texto y combinó lo que leyó para dar esta respuesta.",
        "zh": "模型阅读了这段文字，并综合所读到的内容得出了这个答案。",
    },
    "series": {
        "en": "The model went through the past values and combined them into this forecast.",
        "de": "Das Modell hat die bisherigen Werte durchgesehen und zu dieser Prognose verbunden.",
        "es": "El modelo recorrió los valores anteriores y los combinó para dar este pronóstico.",
        "zh": "模型查看了以往的数值，并综合这些数值得出了这个预测。",
    },
}
