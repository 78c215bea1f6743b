import { exactnessOf } from './grid.js'

exactnessOf('weighted squared error')
