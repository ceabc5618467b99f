"""Load for a recipe of docs/examples: clients that write, and read what they wrote, until
standard input ends. python3 load.py RECIPE CLIENTS; prints a line an operation:
   CLIENT write|read BEGAN ENDED ok|stale|error WORDS   (times in ms since 1970)"""
import importlib, logging, os, sys, threading, time

sys.path.insert(0, os.getcwd())
recipe = importlib.import_module(sys.argv[1])
logging.disable(logging.CRITICAL)
stopped = threading.Event()

def operate(client, name, operation):
    began, result = time.time(), None
    try:
        result, words = operation()
    except Exception as error:
        words = 'error %s %s' % (getattr(error, 'sqlstate', None) or type(error).__name__, ' '.join(str(error).split()))
    sys.stdout.write('%d %s %d %d %s\n' % (client, name, began * 1000, time.time() * 1000, words))
    sys.stdout.flush()
    return result

def check(written):
    newest = recipe.read(written[1])
    return newest, 'ok' if newest >= written[0] else 'stale %s before %s' % (newest, written[0])

def run(client):
    while not stopped.wait(0.1):
        written = operate(client, 'write', lambda: (recipe.write(), 'ok'))
        if written:
            operate(client, 'read', lambda: check(written))

threads = [threading.Thread(target=run, args=[client]) for client in range(int(sys.argv[2]))]
for thread in threads:
    thread.start()
sys.stdin.read()
stopped.set()
for thread in threads:
    thread.join()
os._exit(0)
