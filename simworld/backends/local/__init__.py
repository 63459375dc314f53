"""The backend `local:PATH-or-hub-id`: a causal language model in this process, batched over many dialogues.

    chat        LocalChat, the LangChain model; `open_local`
    checkpoint  a folder or hub id -> tokenizer, config and, later, weights
    fingerprint what tells a retrained checkpoint from the one before
    template    messages -> tokens; what the template adds to them
    worker      the one thread that owns the model; calls come to it from any other
    call        one prompt on its way to a reply
    batch       the rows at work: join, read, step, leave
    reading     which rows are read together, and which better wait for another
    forward     one pass of the model over slots
    slots       the keys and values of the rows at work, written in place
    store       what is kept of rows that are done, found again by its tokens
    prefixes    tokens -> who holds the longest beginning of them
    sampler     logits -> tokens, each row by its own seed
    plain       the same without keeping anything, for models whose cache is of another kind
    probe       whether a model answers over slots as it does alone
    memory      how much is free, and what an exception for want of it looks like
    libraries   torch and transformers, imported when they are needed

Nothing here imports torch or transformers before a model is opened.
"""
