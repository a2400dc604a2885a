"""Export trained runs to other runtimes, and compare each export with Keras before accepting it."""
