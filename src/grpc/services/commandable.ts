import { InvokeReply, InvokeRequest } from '#generated/commandable/commandable'
import { type CommandableSessions, SERVICE } from '../../commandable/commands.js'
import { type Description, descriptionOf } from '../../commandable/description.js'
import { SessiondError } from '../../core/errors.js'
import type { Call } from '../pipeline/call.js'
import type { GrpcService } from '../pipeline/contracts.js'
import { unary } from '../pipeline/method.js'
import { grpcService, type PipelinePorts } from '../pipeline/pipeline.js'

const PREFIX = `${SERVICE}.`

/**
 * `commandable.Commandable`: the sessions commands by name, with JSON arguments and results. A refusal is part of the
 * reply, and the status of the call is OK (docs/protocols/commandable.md).
 */
export function commandableService(
  sessions: CommandableSessions,
  ports: PipelinePorts,
): GrpcService {
  async function invoke(request: InvokeRequest, call: Call): Promise<InvokeReply> {
    const { method, argsEmpty, argsJson, correlationId } = request
    const command = method.startsWith(PREFIX) ? method.slice(PREFIX.length) : ''
    if (!sessions.has(command)) {
      const description = methodNotFound(method)
      call.refuseInAnswer(new RefusedMethodError(description.message))
      return refusal(description, correlationId)
    }
    const json = argsEmpty ? new Uint8Array() : Buffer.from(argsJson)
    try {
      const result = await sessions.run(command, json, { ...call.caller, signal: call.signal })
      return {
        error: undefined,
        resultEmpty: result === null,
        resultJson: result ?? '',
      }
    } catch (error) {
      const description = descriptionOf(error)
      if (description === null) {
        throw error
      }
      call.refuseInAnswer(error)
      return refusal(description, correlationId)
    }
  }

  const methods = {
    invoke: unary({ request: InvokeRequest, response: InvokeReply, handle: invoke }),
  }
  return grpcService('commandable.Commandable', methods, ports)
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
