"""What is tested: a bot that answers customers. `python bot.py > answers.jsonl` asks it sixty questions."""

import json

ANSWERS = {"parcel": "It comes tomorrow.", "password": "Use the link on the login page."}
QUESTIONS = ("Where is my parcel?", "I forgot my password.", "When do you open?")


def answer(question):
    if "refund" in question:
        return "Read the terms."
    known = (text for word, text in ANSWERS.items() if word in question)
    return f"Thank you for asking. {next(known, 'A colleague will write to you.')}"


if __name__ == "__main__":
    for n in range(60):
        asked = "I want a refund." if n % 30 == 17 else QUESTIONS[n % 3]
        question = f"Customer {n + 1}: {asked}"
        print(json.dumps({"item_id": str(n + 1), "prompt": question, "response": answer(question)}))
