"""What a careful Python developer would write: Powertools' batch and idempotency utilities over boto3.

Each record is an alert; the address that it is about is the idempotency key, kept in a DynamoDB table. As in Peerhound,
a record whose machine was looked at already is done with one look at the table.
"""

import json
import os

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

persistence = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(event_key_jmespath="source.ip", expires_after_seconds=3 * 86400)
processor = BatchProcessor(event_type=EventType.SQS)


@idempotent_function(data_keyword_argument="alert", config=config, persistence_store=persistence)
def investigate(alert):
    return {"opened": alert["source"]["ip"]}


def record_handler(record):
    config.register_lambda_context(handler.context)
    investigate(alert=json.loads(record.body))


def handler(event, context):
    handler.context = context
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
