"""The words that tell what a customer wants, and what is suggested as an answer, by language.

Words are in lower case and without accents. A text may hold `{tracking}` and `{carrier}`.
"""

from collections.abc import Mapping

LANGUAGE_OF_MARKET = {"BR": "pt"} | dict.fromkeys(
    ("MX", "AR", "CL", "CO", "UY", "PE", "EC", "VE", "BO", "PY", "CR", "ES"), "es"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INTENTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "en": {
        "delivery": _words("when where ship shipped shipping arrive arrives delivery delivered tracking track package"),
        "return": _words("return returned refund refunded broken damaged wrong defective money"),
        "cancel": _words("cancel cancelled cancellation"),
        "invoice": _words("invoice receipt bill vat"),
        "available": _words("available availability stock size sizes colour color still"),
        "price": _words("price discount cheaper offer lowest"),
        "genuine": _words("original genuine authentic fake real warranty"),
    },
    "es": {
        "delivery": _words("cuando donde envio envian enviar llega llegara entrega entregan rastreo guia paquete"),
        "return": _words("devolver devolucion reembolso roto danado equivocado defectuoso dinero"),
        "cancel": _words("cancelar cancelacion cancelo cancelado"),
        "invoice": _words("factura facturan recibo rfc cuit"),
        "available": _words("disponible disponibles talla tallas talle stock queda quedan tienen tienes hay"),
        "price": _words("precio descuento rebaja oferta barato menos"),
        "genuine": _words("original originales autentico falso garantia"),
    },
    "pt": {
        "delivery": _words("quando onde envio enviam envia chega chegar entrega rastreio rastreamento pacote sai"),
        "return": _words("devolver devolucao reembolso quebrado danificado errado defeito dinheiro"),
        "cancel": _words("cancelar cancelamento cancelo cancelado"),
        "invoice": _words("nota fiscal recibo nf cpf cnpj"),
        "available": _words("disponivel disponiveis tamanho tamanhos tem estoque resta"),
        "price": _words("preco desconto oferta barato menos"),
        "genuine": _words("original originais autentico falso garantia"),
    },
}

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "delivery_before": "Hello! We ship soon after the purchase, and share the tracking once available.",
        "delivery": "Hello! Your order is being processed and will ship soon. "
        "We will share the tracking once available.",
        "delivery_shipped": "Hello! Your order has been shipped. We will share the tracking once available.",
        "delivery_on_its_way": "Hello! Your order is on its way with {carrier}; the tracking number is {tracking}.",
        "delivery_done": "Hello! Our records say that your order was delivered. Please tell us if you do not have it.",
        "delivery_none": "Hello! This order was cancelled or returned, so nothing will be delivered.",
        "return": "Hello! We are sorry to hear that. Please tell us what is wrong, with a photo if you can; "
        "we will solve it with you.",
        "cancel": "Hello! We have seen your wish to cancel, and check at once whether that is still possible.",
        "invoice": "Hello! We will send you the invoice. Please tell us the details that it shall show.",
        "available": "Hello! Thank you for your interest. We check the availability and answer shortly.",
        "price": "Hello! Thank you for your interest. The price shown is the best that we can offer now.",
        "genuine": "Hello! All our products are original.",
        "other": "Hello! Thank you for your message. We look into it and answer shortly.",
    },
    "es": {
        "delivery_before": "¡Hola! Enviamos poco después de la compra y compartimos el rastreo en cuanto esté.",
        "delivery": "¡Hola! Tu pedido está en preparación y sale pronto. Te compartimos el rastreo en cuanto esté.",
        "delivery_shipped": "¡Hola! Tu pedido ya fue enviado. Te compartimos el rastreo en cuanto esté.",
        "delivery_on_its_way": "¡Hola! Tu pedido va en camino con {carrier}; el número de rastreo es {tracking}.",
        "delivery_done": "¡Hola! Según nuestros datos tu pedido fue entregado. Avísanos si no lo tienes, por favor.",
        "delivery_none": "¡Hola! Este pedido fue cancelado o devuelto, por eso no habrá entrega.",
        "return": "¡Hola! Lo sentimos. Cuéntanos qué pasa, con una foto si puedes, y lo resolvemos contigo.",
        "cancel": "¡Hola! Vimos que quieres cancelar; revisamos enseguida si todavía es posible.",
        "invoice": "¡Hola! Te enviamos la factura. Indícanos los datos que debe llevar, por favor.",
        "available": "¡Hola! Gracias por tu interés. Revisamos la disponibilidad y te respondemos pronto.",
        "price": "¡Hola! Gracias por tu interés. El precio publicado es el mejor que podemos ofrecer ahora.",
        "genuine": "¡Hola! Todos nuestros productos son originales.",
        "other": "¡Hola! Gracias por tu mensaje. Lo revisamos y te respondemos pronto.",
    },
    "pt": {
        "delivery_before": "Olá! Enviamos logo após a compra e informamos o rastreio assim que disponível.",
        "delivery": "Olá! Seu pedido está em preparação e sai em breve. Informaremos o rastreio assim que disponível.",
        "delivery_shipped": "Olá! Seu pedido já foi enviado. Informaremos o rastreio assim que disponível.",
        "delivery_on_its_way": "Olá! Seu pedido está a caminho com {carrier}; o código de rastreio é {tracking}.",
        "delivery_done": "Olá! Segundo nossos dados seu pedido foi entregue. Avise, por favor, se não o recebeu.",
        "delivery_none": "Olá! Este pedido foi cancelado ou devolvido, por isso não haverá entrega.",
        "return": "Olá! Sentimos muito. Conte o que aconteceu, com uma foto se puder, e resolvemos com você.",
        "cancel": "Olá! Vimos que deseja cancelar; verificamos já se ainda é possível.",
        "invoice": "Olá! Enviaremos a nota fiscal. Informe, por favor, os dados que ela deve ter.",
        "available": "Olá! Obrigado pelo interesse. Verificamos a disponibilidade e respondemos em breve.",
        "price": "Olá! Obrigado pelo interesse. O preço anunciado é o melhor que podemos oferecer agora.",
        "genuine": "Olá! Todos os nossos produtos são originais.",
        "other": "Olá! Obrigado pela mensagem. Vamos verificar e respondemos em breve.",
    },
}
