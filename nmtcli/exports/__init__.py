"""Write trained runs for other runtimes, and compare them with Keras before they are accepted."""
