"""Parts of the model of Apache Kafka, one module for each class of Kafka's that it stands for."""
