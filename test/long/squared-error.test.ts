import { twentyThousandSteps } from './twenty-thousand-steps.js'

twentyThousandSteps('squared error')
