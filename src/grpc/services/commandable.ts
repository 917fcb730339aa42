import { InvokeReply, InvokeRequest } from '#generated/commandable/commandable'
import { type CommandableSessions, SERVICE } from '../../commandable/commands.js'
import { type Description, descriptionOf } from '../../commandable/description.js'
import type { CallObserver } from '../../core/calls.js'
import { SessiondError } from '../../core/errors.js'
import { callerOf } from '../pipeline/caller.js'
import { decode, rawDefinition } from '../pipeline/contracts.js'
import { unary } from '../pipeline/handler.js'
import type { GrpcService } from '../transport/server.js'

const PREFIX = `${SERVICE}.`

/**
 * `commandable.Commandable`: the sessions commands by name, with JSON both ways. What is refused stands in
 * the reply, and the call's status is OK (docs/protocols/commandable.md).
 */
export function commandableService(
  sessions: CommandableSessions,
  observer: CallObserver,
): GrpcService {
  return {
    definition: rawDefinition('commandable.Commandable'),
    implementation: {
      invoke: unary(async (bytes, call, onRefused) => {
        const request = decode(InvokeRequest, bytes)
        const { method, argsEmpty, argsJson, correlationId } = request
        const command = method.startsWith(PREFIX) ? method.slice(PREFIX.length) : ''
        if (!sessions.has(command)) {
          const description = methodNotFound(method)
          onRefused(new RefusedMethodError(description.message))
          return encode(refusal(description, correlationId))
        }
        const json = argsEmpty ? new Uint8Array() : Buffer.from(argsJson)
        const reply = await sessions.run(command, json, callerOf(call)).then(
          (result) => ({
            error: undefined,
            resultEmpty: result === null,
            resultJson: result === null ? '' : JSON.stringify(result),
          }),
          (error: unknown) => {
            const description = descriptionOf(error)
            if (description === null) {
              throw error
            }
            onRefused(error)
            return refusal(description, correlationId)
          },
        )
        return encode(reply)
      }, observer),
    },
  }
}

class RefusedMethodError extends SessiondError {
  readonly code = 'METHOD_NOT_FOUND'
}

function methodNotFound(method: string): Description {
  return {
    category: 'FailedInvocation',
    code: 'METHOD_NOT_FOUND',
    status: 500,
    message: `Method ${method} was not found`,
    details: { method },
  }
}

function refusal(
  { category, code, status, message, details }: Description,
  correlationId: string,
): InvokeReply {
  return {
    error: {
      ...{ category, code, correlationId, status, message, cause: '', stackTrace: '' },
      details: new Map(Object.entries(details)),
    },
    resultEmpty: true,
    resultJson: '',
  }
}

function encode(reply: InvokeReply): Buffer {
  return Buffer.from(InvokeReply.encode(reply).finish())
}
